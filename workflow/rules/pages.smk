# Tables and figures of the current experiment, in results/<experiment> and figures/<experiment>, which git ignores.

REFERENCE = os.path.relpath(f"{workflow.basedir}/reference/paper_tables.csv")
FIGURES = figures_of(PLAN) if PLAN.anything_to_show else []
STUDY = next((name for name in ("study", "difficulty") if name in config), None)
MUST_BEAT = config.get("checks", {}).get("must_beat")
PAGES = [
    paths.LEFT_OUT,
    *(figure.output for figure in FIGURES),
    paths.experiment_page(EXPERIMENT, f"{STUDY or 'tables'}.md"),
    *([paths.experiment_page(EXPERIMENT, "checks.md")] if MUST_BEAT else []),
]


rule left_out:
    output:
        paths.LEFT_OUT,
    log:
        "logs/left_out.log",
    localrule: True
    conda:
        ENVIRONMENT
    params:
        text=lambda wildcards: "\n".join(["# Left out", "", *(f"- {line}" for line in PLAN.reasons() or ["nothing"])]),
    shell:
        "printf '%s\\n' {params.text:q} > {output:q} 2> {log:q}"


rule tables:
    input:
        *run_files(),
        published_files(),
        code("tables.py"),
        reference=REFERENCE,
    output:
        csv=paths.experiment_page(EXPERIMENT, "tables.csv"),
        markdown=paths.experiment_page(EXPERIMENT, "tables.md"),
        html=report(paths.experiment_page(EXPERIMENT, "tables.html"), caption="../report/tables.rst", category="Tables"),
    log:
        "logs/tables.log",
    localrule: True
    conda:
        ENVIRONMENT
    params:
        of=[EXPERIMENT],
        asked=asked,
    script:
        "../scripts/tables.py"


if STUDY:

    rule study:
        input:
            *run_files(),
            published_files(),
            code(f"{STUDY}.py"),
        output:
            csv=paths.experiment_page(EXPERIMENT, f"{STUDY}.csv"),
            markdown=paths.experiment_page(EXPERIMENT, f"{STUDY}.md"),
        log:
            "logs/study.log",
        localrule: True
        conda:
            ENVIRONMENT
        params:
            of=EXPERIMENT,
            script=f"{STUDY}.py",
            asked=asked,
        script:
            "../scripts/{params.script}"


if MUST_BEAT:

    rule check:
        input:
            *run_files(),
            published_files(),
            code("check.py"),
            rules.tables.output.markdown,  # so that the tables are written even if a check fails
        output:
            paths.experiment_page(EXPERIMENT, "checks.md"),
        log:
            "logs/check.log",
        localrule: True
        conda:
            ENVIRONMENT
        params:
            of=EXPERIMENT,
            more=MUST_BEAT,
        script:
            "../scripts/check.py"


for FIGURE in FIGURES:

    rule:
        name:
            f"figure_{FIGURE.name}"
        input:
            *run_files(),
            published_files(),
            code(FIGURE.script),
        output:
            report(FIGURE.output, caption=f"../report/{FIGURE.caption}.rst", category=FIGURE.category),
        log:
            f"logs/figures/{FIGURE.name}.log",
        localrule: True
        conda:
            ENVIRONMENT
        params:
            of=FIGURE.of,
            script=FIGURE.script,
            more=FIGURE.more,
            asked=asked,
        script:
            "../scripts/{params.script}"
