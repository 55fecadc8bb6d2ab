//! AHT, FCR, ASA, service level and the rest: folds over facts.
