# Datasets decoded once, and splits drawn from (dataset, labels, seed).


rule prepare:
    input:
        lambda wildcards: data_inputs(HERE.format(**wildcards), wildcards.dataset),
    output:
        report=f"{plan.REPORTS}/{{dataset}}.json",
        # The same, outside git: a report that came with a clone says nothing about the data here.
        here=HERE,
    log:
        "logs/prepare/{dataset}.log",
    conda:
        "../../environment.yml"
    resources:
        mem_mb=8000,
        runtime=120,
    params:
        command=trainer_command,
        data=lambda wildcards: plan.dataset_arguments(SOURCES[wildcards.dataset]),
    shell:
        "{params.command} prepare {params.data} --out {output.report} 2>&1 | tee {log}; cp {output.report} {output.here}"


rule split:
    input:
        HERE,
        lambda wildcards: data_inputs(
            "results/splits/{dataset}/{labels}/{seed}.json".format(**wildcards), wildcards.dataset
        ),
    output:
        "results/splits/{dataset}/{labels}/{seed}.json",
    log:
        "logs/split/{dataset}/{labels}/{seed}.log",
    conda:
        "../../environment.yml"
    resources:
        mem_mb=4000,
        runtime=30,
    params:
        command=trainer_command,
        data=lambda wildcards, output: plan.dataset_arguments(SOURCES[wildcards.dataset]),
    shell:
        "{params.command} split {params.data} --labels {wildcards.labels} --seed {wildcards.seed}"
        " --out {output} 2>&1 | tee {log}"
