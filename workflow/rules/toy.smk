# The paper's toy: needs no data, the same for every budget that asks for it (`toy:`).


rule toy:
    output:
        points="results/toy.npz",
        table="results/toy.csv",
    log:
        "logs/toy.log",
    conda:
        "../../environment.yml"
    resources:
        mem_mb=4000,
        runtime=60,
    params:
        command=trainer_command,
        draws=lambda wildcards: config["toy"]["draws"],
        numerics=NUMERICS_VERSION,
        frozen=FROZEN,
    shell:
        "{params.command} toy --first baselines.supervised:Supervised --methods"
        " mixmatch=baselines.mixmatch:MixMatch marginmix=marginmix.method:MarginMix"
        " --draws {params.draws} --out {output.points} 2>&1 | tee {log}"


rule figure_toy:
    input:
        points=rules.toy.output.points,
        table=rules.toy.output.table,
    output:
        report("figures/toy.png", caption="../report/toy.rst", category="Toy"),
    log:
        "logs/figures/toy.log",
    conda:
        "../../environment.yml"
    script:
        "../scripts/figure_toy.py"
