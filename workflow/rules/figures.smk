# Figures: files under results/ in, PNGs under figures/ out.


rule figure_embeddings:
    input:
        embeddings=lambda wildcards: embedding_source(wildcards.dataset),
    output:
        report(
            "figures/embeddings_{dataset}.png",
            caption="../report/embeddings.rst",
            category="Embeddings",
            labels={"dataset": "{dataset}"},
        ),
    log:
        "logs/figures/embeddings_{dataset}.log",
    conda:
        "../../environment.yml"
    params:
        titles=TITLES,
    script:
        "../scripts/figure_embeddings.py"


# The same of all the budget's datasets, below each other.
use rule figure_embeddings as figure_domains with:
    input:
        embeddings=lambda wildcards: [embedding_source(dataset) for dataset in DRAWN],
    output:
        report("figures/embeddings.png", caption="../report/embeddings.rst", category="Embeddings"),
    log:
        "logs/figures/embeddings.log",


rule figure_curves:
    input:
        metrics=metrics_of(PLANNED),
    output:
        report("figures/learning_curves_{budget}.png", caption="../report/learning_curves.rst", category="Training"),
    log:
        "logs/figures/learning_curves_{budget}.log",
    conda:
        "../../environment.yml"
    params:
        titles=TITLES,
    script:
        "../scripts/figure_curves.py"


rule figure_labels:
    input:
        metrics=metrics_of(PLANNED),
    output:
        report("figures/label_quality_{budget}.png", caption="../report/label_quality.rst", category="Training"),
    log:
        "logs/figures/label_quality_{budget}.log",
    conda:
        "../../environment.yml"
    params:
        titles=TITLES,
    script:
        "../scripts/figure_labels.py"


rule figure_confusion:
    input:
        results=[f"{folder}/result.json" for folder in PLANNED],
    output:
        report("figures/confusion_{budget}.png", caption="../report/confusion.rst", category="Training"),
    log:
        "logs/figures/confusion_{budget}.log",
    conda:
        "../../environment.yml"
    params:
        titles=TITLES,
    script:
        "../scripts/figure_confusion.py"


rule figure_why:
    input:
        metrics=metrics_of(PLANNED),
    output:
        report("figures/why_{budget}.png", caption="../report/why.rst", category="Training"),
    log:
        "logs/figures/why_{budget}.log",
    conda:
        "../../environment.yml"
    params:
        titles=TITLES,
    script:
        "../scripts/figure_why.py"


rule figure_samples:
    input:
        result=lambda wildcards: or_explain(sampled_result, wildcards.dataset),
    output:
        report(
            "figures/samples_{dataset}.png",
            caption="../report/samples.rst",
            category="Samples",
            labels={"dataset": "{dataset}"},
        ),
    log:
        "logs/figures/samples_{dataset}.log",
    conda:
        "../../environment.yml"
    params:
        titles=TITLES,
    script:
        "../scripts/figure_samples.py"
