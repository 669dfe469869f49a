# The paper's toy. It needs no data. If a toy with this recipe is published, its points and table are used.

TOY_FIRST = "baselines.supervised:Supervised"
TOY_METHODS = {"mixmatch": "baselines.mixmatch:MixMatch", "marginmix": "marginmix.methods.marginmix:MarginMix"}
TOY = hash_of({**config["toy"], "numerics": NUMERICS_VERSION, "methods": [TOY_FIRST, *TOY_METHODS.values()]})
PUBLISHED_TOY = os.path.exists(f"{paths.toy(TOY, published=True)}.npz")
TOY_PLACE = paths.toy(TOY, PUBLISHED_TOY)
PAGES += [paths.TOY_FIGURE if EXPERIMENT == "paper" else paths.experiment_figure(EXPERIMENT, "toy")]


if not PUBLISHED_TOY:

    rule toy:
        output:
            points=f"{TOY_PLACE}.npz",
            table=f"{TOY_PLACE}.csv",
        log:
            "logs/toy.log",
        conda:
            ENVIRONMENT
        resources:
            mem_mb=4000,
            runtime=60,
        params:
            command=command,
            draws=config["toy"]["draws"],
            first=TOY_FIRST,
            methods=[f"{name}={path}" for name, path in TOY_METHODS.items()],
        shell:
            "{params.command} toy --first {params.first} --methods {params.methods}"
            " --draws {params.draws} --out {output.points:q} 2>&1 | tee {log:q}"


rule figure_toy:
    input:
        code("figure_toy.py"),
        points=f"{TOY_PLACE}.npz",
        table=f"{TOY_PLACE}.csv",
    output:
        update(report(PAGES[-1], caption="../report/toy.rst", category="Toy")),
    log:
        "logs/figures/toy.log",
    localrule: True
    conda:
        ENVIRONMENT
    params:
        made_of=contents(code("figure_toy.py")),
    script:
        "../scripts/figure_toy.py"
