# A study (`study:` in a budget): what each switch is worth, of what is finished; what is not is named.


rule study:
    input:
        metrics=metrics_of(PLANNED),
    output:
        csv=f"results/{BUDGET}.csv",
        markdown=f"results/{BUDGET}.md",
    log:
        "logs/study.log",
    localrule: True
    conda:
        "../../environment.yml"
    params:
        planned=[(training.dataset, training.labels, training.name) for training in RUNS.values()],
        config=lambda wildcards: config,
        titles=TITLES,
    script:
        "../scripts/study.py"


# The same from what is finished at this moment.
use rule study as study_now with:
    input:
        metrics=metrics_of([folder for folder in RUNS if STANDING[folder] == "kept"]),
    output:
        csv=f"results/partial/{BUDGET}.csv",
        markdown=f"results/partial/{BUDGET}.md",
    log:
        "logs/study_now.log",


rule figure_study:
    input:
        rules.study.output.csv,
    output:
        f"figures/{BUDGET}.png",
    log:
        "logs/figures/study.log",
    localrule: True
    conda:
        "../../environment.yml"
    params:
        titles=TITLES,
        part=config["study"].get("scored_on", "validation"),
    script:
        "../scripts/figure_study.py"
