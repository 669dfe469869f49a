# From images to trained networks: a dataset is decoded once; a training reads its spec and the decoded images.

RUN = paths.run_folder(RunKey("{experiment}", "{dataset}", "{labels}", "{method}", "{seed}"), "{identity}")


# Its outcome decides where runs lie: their identity takes in the hash of their data.
checkpoint prepare:
    output:
        paths.report(config["cache"], "{dataset}", "{key}"),
    log:
        "logs/prepare/{dataset}-{key}.log",
    conda:
        ENVIRONMENT
    resources:
        mem_mb=8000,
        runtime=120,
    params:
        command=command,
        data=lambda wildcards: shlex.join(PLAN.dataset_arguments(wildcards.dataset)),
    shell:
        "{params.command} prepare {params.data} --out {output:q} 2>&1 | tee {log:q}"


# Younger than every result, as an input of those that are to be made anew: `--config rebuild=true`. Kept as a log is.
rule rebuild:
    output:
        "logs/rebuild/{token}",
    log:
        "logs/rebuild/{token}.log",
    localrule: True
    conda:
        ENVIRONMENT
    shell:
        "touch {output:q} 2> {log:q}"


# Jobs of one call, on a cluster too, share the token.
REBUILD = f"logs/rebuild/{calls.token()}" if config.get("rebuild") else None


# One job, one GPU (none where the experiment's device is the CPU), one run. It writes the run's spec as it is asked for now
# and returns at once where the folder holds the run finished. `update`: what is there stays until it is replaced.
# Checkpoints lie beside, undeclared, since Snakemake deletes what is declared before a job and after a failure. The
# description of the decoded dataset stands for its images. Its date decides nothing: the spec has the images' hash.
rule train:
    input:
        data=lambda wildcards: ancient(PLAN.report(wildcards.dataset) or []),
        rebuild=lambda wildcards: [] if not REBUILD or PLAN.finished(PLAN.runs[key_of(wildcards)]) else REBUILD,
    output:
        **{name.partition(".")[0]: update(f"{RUN}/{name}") for name in (paths.SPEC, *paths.OUTPUTS)},
    log:
        "logs/train/{experiment}/{dataset}/{labels}/{method}/{seed}/{identity}.log",
    conda:
        ENVIRONMENT
    threads: config["threads"]
    resources:
        gpu=0 if config["device"] == "cpu" else 1,
        mem_mb=16000,
        runtime=2880,
    params:
        command=command,
        folder=lambda wildcards, output: os.path.dirname(output.result),
        spec=lambda wildcards, output: PLAN.spec_text(key_of(wildcards), os.path.dirname(output.result)),
        anew=lambda wildcards, input: "--anew" if input.rebuild else "",
    shell:
        "(printf '%s\\n' {params.spec:q} > {output.spec:q}"
        " && {params.command} train {output.spec:q} --out {params.folder:q} {params.anew})"
        " 2>&1 | tee {log:q}"
