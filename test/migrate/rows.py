"""Which test shows which row of the runbooks: databases (BC), migrations (G), dumps (P). A test is a function of this
folder, or a file below test/ or src/."""
import glob
import os

from project import ROOT, TESTS, test

ROWS = {
    "BC1 commands are programs on PATH": "runbook/S3_bootcamp.t db_commands_by_their_bare_names",
    "BC2 db-create": "the_runbook_word_for_word runbook/S3_bootcamp.t",
    "BC3 db-drop": "production_is_protected sessions_show_who_blocks_whom",
    "BC4 db-schema-load": "loading_is_one_transaction runbook/S3_bootcamp.t",
    "BC5 db-seed": "the_runbook_word_for_word runbook/S3_bootcamp.t",
    "BC6 db-sessions": "sessions_show_who_blocks_whom sessions_are_ended_by_a_master_that_is_no_superuser",
    "BC7 db-setup": "setup_is_all_or_nothing_and_never_drops db_commands_by_their_bare_names",
    "BC8 uuid-ossp and pgcrypto by the master": "runbook/S3_bootcamp.t",
    "BC9 seed rows": "the_runbook_word_for_word",
    "BC10 psql creates a database": "runbook/S3_bootcamp.t",
    "G1 a migration is a transaction": "a_failing_statement_leaves_nothing what_cannot_run_in_a_transaction",
    "G2 lint": "lint_formats_and_exit_codes lint_only_what_git_does_not_have",
    "G3 Prisma's history mended": "prisma_deploy_status_and_resolve prisma_half_applied_is_explained_and_finished "
                                  "prisma_cli_resolves_as_we_do",
    "G4 prisma diff": "prisma_diff_as_in_the_guide diff_of_random_schemas_is_complete",
    "G5 a proposal that fits the failure": "doctor_proposes_what_fits_the_failure",
    "G6 results are printed": "what_a_run_prints",
    "G7 CloudFormation": "cloudformation_creates_updates_and_deletes cloudformation_always_gets_an_answer",
    "G8 sources": "kysely_provider_defines_the_migrations a_manifest_says_which_files_and_in_which_order up_down_to_redo "
                  "prisma_history_is_written_as_prisma_does kysely_runs_in_our_transaction",
    "G9 verbs": "up_down_to_redo dry_runs_change_nothing baseline_and_new",
    "G10 a table's schema": "schema_of_a_table_and_who_made_it kysely_schema_of_a_table",
    "G11 Kysely's words": "kysely_rebase_keeps_the_data",
    "G12 repair --reorder": "kysely_repair_reorder",
    "G13 to a name": "up_down_to_redo kysely_runs_in_our_transaction",
    "G14 history delete": "a_row_goes_and_comes_back_of_sql a_row_goes_and_comes_back_of_prisma "
                          "kysely_a_row_goes_and_comes_back_of_kysely kysely_corrupted_rows_are_deleted_by_hand",
    "G15 to latest": "up_down_to_redo kysely_corrupted_rows_are_deleted_by_hand",
    "G18 rehearsal on a clone": "aws/rehearse_on_clone.t rehearse_measures_each_statement",
    "G16 extensions are updated later": "aws/G16_alter_extension.t extensions_that_an_upgrade_left_behind "
                                        "extensions_after_pg_upgrade",
    "G17 plans before and after": "plans_before_and_after plans_that_became_slower_or_fail",
    "G19 Alembic as a plain client": "flask_db_upgrade_on_a_restored_copy",
    "P1 the staging dump": "runbook/S4_dump.t dump_for_elsewhere",
    "P2 extensions' schemas": "dump_without_what_belongs_to_extensions",
    "P3 the largest tables": "dump_for_elsewhere dump_in_parallel_with_sizes",
    "P4 empty tables are kept": "dump_for_elsewhere runbook/S4_dump.t",
    "P5 restore into a plain PostgreSQL": "dump_for_elsewhere runbook/S4_dump.t",
    "P6 go on with the copy": "flask_db_upgrade_on_a_restored_copy",
    "P7 tables from production": "sync_of_a_table sync_masks_and_refuses",
}


@test
def every_row_has_its_tests(_):
    known = {f.__name__ for f in TESTS}
    files = {os.path.relpath(p, f"{ROOT}/test") for p in glob.glob(f"{ROOT}/test/**/*.t", recursive=True)}
    missing = [(row, name) for row, names in ROWS.items() for name in names.split() if name not in known | files]
    assert not missing, missing
