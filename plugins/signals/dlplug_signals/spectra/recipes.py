"""The recipes of spectra. Their hyperparameters were chosen on validation spectra."""

from __future__ import annotations

from dlplug import Recipe, Target, Use, use

OLD = "the old pipeline's best variant on the same split, in the same run"
GENERATED = "generated gliadin, 30 varieties, the test samples"
BETWEEN = "Fawaz et al. 2019 (arXiv:1809.04356) and 2020 (arXiv:1909.04939), 5 runs each: "
ALONE = use("series-classification", classical="none")  # in training
BESIDE = {"metrics.series-classification.classical": "beside"}
PARTS = ("autoencoder", "classifier", "net")
ARCHIVE = "UCR archive (timeseriesclassification.com)"
ARCHIVE_NEEDS = "the archive ucr_spectro.tar.gz, 2 MB"


def adam(rate: float, warmup: float = 0.1) -> Use:
    return use("adamw", learning_rate=rate, weight_decay=1e-2, schedule="cosine", warmup=warmup)


def series(
    summary: str,
    data: Use | str,
    source: str,
    needs: str,
    *,
    model: Use | str = "series-net",
    rate: float = 2e-3,
    length: str = "4k series",
    target: Target | None = None,
) -> Recipe:
    """A net on a set of series, beside classical methods on the test set."""
    return Recipe(
        summary=summary,
        data=data,
        model=model,
        loss="series-cross-entropy",
        optimizer=adam(rate),
        length=length,
        source=source,
        metrics=[ALONE],
        evaluation=BESIDE,
        trainer=use("torch", threads=1),
        targets=[target] if target else [],
        watch=["train/loss"],
        needs=needs,
    )


SPECTRA_RECIPES = {
    "spectra-gliadin": Recipe(
        summary="Varieties of wheat by spectra: zones, Fourier, wavelets, peaks beside two neural pipelines",
        data="gliadin",
        model="two-pipelines",
        loss="two-pipelines",
        optimizer={part: adam(4e-3, warmup=0.2) for part in PARTS},
        length="24k series",
        source="a lecture's comparison of pipelines; gliadin alleles: Metakovsky 1991 (J. Genet. Breed. 45:325)",
        metrics=[use("pipelines", classical="none")],
        evaluation={"metrics.pipelines.classical": "beside"},
        samplers=["spectra-pictures"],
        trainer=use("torch", threads=1),
        targets=[
            Target(f"test/{net}_gap", f"{GENERATED}: {what} less {OLD}", OLD, at_least=0.0, where={"data": "gliadin"})
            for net, what in (("accuracy", "the net's accuracy"), ("code_accuracy", "the code classifier's accuracy"))
        ],
        watch=[f"train/{part}_loss" for part in PARTS],
        level=2,
    ),
    "spectra-strawberry": series(
        "Strawberry purees, pure or adulterated, told apart by infrared spectra",
        use("ucr", set="Strawberry", batch_size=32),
        f"{ARCHIVE}; Holland et al. 1998 (J. Sci. Food Agric. 76:263)",
        ARCHIVE_NEEDS,
        model=use("series-net", dropout=0.2),
        rate=5e-3,
        length="40k series",
        target=Target(
            "test/accuracy",
            "Strawberry, the 370 test spectra, trained on all 613",
            f"{BETWEEN}FCN 0.975, ResNet 0.980, InceptionTime 0.983",
            at_least=0.975,
            where={"data": "ucr", "data.set": "Strawberry"},
        ),
    ),
    "spectra-ham": series(
        "Spanish and French hams told apart by the electrophoresis of their proteins",
        use("ucr", set="Ham", shift=4, jitter=0.1),
        f"{ARCHIVE}; Olias et al. 2006 (Electrophoresis 27:1288)",
        ARCHIVE_NEEDS,
        model=use("series-net", derivative=2.0),
        length="2k series",
        target=Target(
            "test/accuracy",
            "Ham, the 105 test spectra, trained on all 109",
            f"{BETWEEN}FCN 0.707, ResNet 0.758, InceptionTime 0.705",
            at_least=0.72,
            where={"data": "ucr", "data.set": "Ham"},
        ),
    ),
    "spectra-wheat": Recipe(
        summary="Protein of single wheat kernels by near-infrared spectra, beside linear regressions",
        data="wheat-kernels",
        model=use("linear-and-net", width=4, dropout=0.5),
        loss="series-squared-error",
        optimizer=adam(3e-3),
        length="40k series",
        source="Nielsen et al. 2003 (Cereal Chem. 80:274); Cui & Fearn 2018 (Chemom. Intell. Lab. Syst. 182:9)",
        metrics=["protein-error"],
        trainer=use("torch", threads=1),
        targets=[
            Target(
                "test/rmse",
                "protein in percent, the 108 kernels measured two months after the 415 that train",
                "partial least squares 0.425, CNN 0.484 (D. Passos, DeepLearning_for_VIS-NIR_Spectra, Cui_CNN.ipynb)",
                at_most=0.425,
                where={"data": "wheat-kernels", "data.validation": 0.0},
            )
        ],
        watch=["train/loss"],
        needs="NITSingleSeed.MAT, 0.4 MB",
        level=2,
    ),
    "series-ucr": series(
        "A small net beside four classical methods on a set of food spectra",
        use("ucr", set="Beef", shift=4, jitter=0.1),
        ARCHIVE,
        ARCHIVE_NEEDS,
        target=Target("test/accuracy", "the test series, trained on all training series", at_least=float("-inf")),
    ),
    "series-files": series(
        "Your own series in the UCR archive's text format: --data.path",
        "ts-files",
        "the format's description: timeseriesclassification.com",
        "--data.path, a .ts file or a folder of two",
    ),
}
