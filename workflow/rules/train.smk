# One job, one GPU (none where the budget's device is the CPU), one run. A run that is finished has no inputs: see
# `training_inputs`. Checkpoints lie outside the declared outputs, which Snakemake deletes before a job.
#
# Arguments are functions of `output` so that no change of a command line makes a run stale: its identity decides that.


rule train:
    input:
        lambda wildcards: training_inputs(
            "train", "results/runs/{budget}/{dataset}/{labels}/{method}/{seed}".format(**wildcards)
        ),
    output:
        # `update`: what a stale run left stays until it is replaced, whatever happens to the new one.
        result=update("results/runs/{budget}/{dataset}/{labels}/{method}/{seed}/result.json"),
        metrics=update("results/runs/{budget}/{dataset}/{labels}/{method}/{seed}/metrics.csv"),
    log:
        "logs/train/{budget}/{dataset}/{labels}/{method}/{seed}.log",
    conda:
        "../../environment.yml"
    threads: config["threads"]
    resources:
        gpu=0 if config["device"] == "cpu" else 1,
        mem_mb=16000,
        runtime=2880,
    params:
        command=trainer_command,
        folder=lambda wildcards, output: os.path.dirname(output.result),
        arguments=lambda wildcards, output: RUNS[os.path.dirname(output.result)].arguments(config),
    shell:
        "{params.command} train {params.arguments} --out {params.folder} 2>&1 | tee {log}"


rule embed:
    input:
        lambda wildcards: training_inputs("embed", "results/embeddings/{budget}/{dataset}".format(**wildcards)),
    output:
        result=update("results/embeddings/{budget}/{dataset}/result.json"),
        embeddings=update("results/embeddings/{budget}/{dataset}/embeddings.npz"),
        separability=update("results/embeddings/{budget}/{dataset}/separability.csv"),
    log:
        "logs/embed/{budget}/{dataset}.log",
    conda:
        "../../environment.yml"
    threads: config["threads"]
    resources:
        gpu=0 if config["device"] == "cpu" else 1,
        mem_mb=16000,
        runtime=720,
    params:
        command=trainer_command,
        folder=lambda wildcards, output: os.path.dirname(output.result),
        arguments=lambda wildcards, output: EMBEDDINGS[os.path.dirname(output.result)].arguments(config),
    shell:
        "{params.command} train {params.arguments} --out {params.folder} 2>&1 | tee {log}"
