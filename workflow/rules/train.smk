# From images to trained networks. A dataset is decoded once. A training reads its spec and the decoded images.

RUN = paths.run_folder(RunKey("{experiment}", "{dataset}", "{labels}", "{method}", "{seed}"), "{identity}")


# A checkpoint, since its result decides where runs lie: the identity of a run includes the hash of its data.
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


# For `--config rebuild=true`: a file newer than every result, and an input of all runs to train again. It is kept, like
# a log.
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


# All jobs of one call share the token, on a cluster too.
REBUILD = f"logs/rebuild/{calls.token()}" if config.get("rebuild") else None


# One job trains one run on one GPU, or on none if the experiment's device is cpu. The job writes the current spec of
# the run, and returns at once if the folder already holds the finished run. `update` keeps old outputs until they are
# replaced. Checkpoints lie beside the outputs but are not declared: Snakemake deletes declared files before a job and
# after a failure. The description of the decoded dataset stands for its images. Its date decides nothing, since the
# spec holds the hash of the images.
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
