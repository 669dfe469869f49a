# A dial (`difficulty:` in a budget): two methods on drawn faces against how much the classes overlap.


rule difficulty:
    input:
        [f"{folder}/result.json" for folder in PLANNED],
    output:
        csv="results/difficulty.csv",
        markdown="results/difficulty.md",
    log:
        "logs/difficulty.log",
    localrule: True
    conda:
        "../../environment.yml"
    params:
        config=lambda wildcards: config,
    script:
        "../scripts/difficulty.py"


rule figure_difficulty:
    input:
        rules.difficulty.output.csv,
    output:
        "figures/difficulty.png",
    log:
        "logs/figures/difficulty.log",
    localrule: True
    conda:
        "../../environment.yml"
    params:
        dial=config["difficulty"],
    script:
        "../scripts/figure_difficulty.py"
