#!/usr/bin/env python3
"""Which test shows which row of the runbooks, for instances, networks, backups and cut-overs (test/migrate/rows.py has those
of databases, migrations and dumps). A test is a file below test/ that names the row, in its own name or in its text."""
import os
import re
import sys

TESTS = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, f"{TESTS}/lib")

from report import Report  # noqa: E402

ROWS = {
    "A1 three variables, wrong keys": "aws/A1_credentials.t",
    "A7 us-east-1a": "runbook/S3_workspace.t",
    "B1 create-db-instance, word for word": "aws/B1_create_verbatim.t runbook/S3_workspace.t",
    "B2 a version that is not there": "aws/B2_engine_version_strict.t aws/B2_engine_version_nearest.t",
    "B3 the master user": "aws/B3_master_user.t",
    "B4 storage is a limit": "aws/storage.t",
    "B5 no automated backups": "aws/restore_to_time.t",
    "B6 any port": "aws/B6_ports.t runbook/S0_failed_prisma_migration.t",
    "B10 deletion protection": "aws/B10_deletion_protection.t",
    "B11 a class that the machine has not": "aws/create_errors.t",
    "B12 available means connectable": "aws/B12_available_means_connectable.t",
    "B18 deleted, and back at the same place": "aws/restore_to_time.t aws/address_endpoints.t",
    "C5 which address is mine": "aws/C5_my_ip.t",
    "C7 a rule for one address, at once": "aws/C7_authorize_ingress_live.t",
    "C13 groups by name": "aws/ec2_security_groups.t",
    "C16 from the bastion's private address": "runbook/S1_bastion_and_kysely.t",
    "C21 modify-security-group-rules": "aws/C21_modify_sg_rule.t runbook/S3_workspace.t",
    "C22 ids outlive the daemon": "aws/C22_ids_survive_restart.t",
    "C24 from group to group": "ec2/group_references.py",
    "D4 no secret in logs": "faults/no_secrets.py",
    "D10 a URL for the endpoint": "runbook/S3_workspace.t",
    "D11 endpoints by the identifier": "aws/names_in_hosts.t",
    "E7 a master named as the database": "runbook/S4_dump.t",
    "E10 db-connect.sh, and any program": "runbook/S4_dump.t",
    "E11 --role admin": "runbook/S4_dump.t",
    "E13 db-connect prod": "runbook/S3_bootcamp.t",
    "H1 31 days": "aws/backup_retention.t backup/days.py",
    "H2 every second of them": "aws/restore_to_time.t",
    "H3 a restore is a new instance": "runbook/S4_point_in_time.t",
    "H5 settings of the source": "aws/restore_options.t",
    "H6 restore_time": "runbook/S4_point_in_time.t",
    "H7 the latest restorable time": "runbook/S4_point_in_time.t",
    "H8 which snapshot": "runbook/S2_restore_from_snapshot.t",
    "H9 a snapshot in a bad state": "aws/snapshot_incompatible.t",
    "H10 by name and by ARN": "aws/restore_snapshot.t",
    "H11 the parameter group": "runbook/S2_restore_from_snapshot.t",
    "H14 table by table": "runbook/S2_table_by_table.t aws/clone_and_look_back.t",
    "H15 teams from staging": "runbook/S2_table_by_table.t",
    "H16 restore drills": "aws/drill.t backup/drills.py",
    "H17 the final snapshot": "aws/final_snapshot.t",
    "H18 pg_dump from the restored one": "runbook/S4_point_in_time.t",
    "H21 the source is not touched": "runbook/S2_restore_from_snapshot.t",
    "I1 rename at once": "runbook/S2_restore_from_snapshot.t aws/rename.t",
    "I2 rename in the window": "aws/rename_in_window.t",
    "I3 the old name is free at once": "runbook/S2_restore_from_snapshot.t runbook/swaps.py",
    "I4 the same endpoint, the other database": "runbook/S2_restore_from_snapshot.t aws/address_endpoints.t",
    "I5 no connections": "runbook/S2_restore_from_snapshot.t",
    "I6 nothing drifts": "runbook/S2_restore_from_snapshot.t",
    "I8 swap": "aws/I8_swap.t runbook/swaps.py",
    "I10 a stopped database has no sessions": "runbook/S4_point_in_time.t",
    "I12 stop temporarily": "aws/seven_days.t runbook/S4_point_in_time.t",
    "K1 rds.force_ssl": "aws/K1_parameters.t",
    "K3 disable to verify-full": "aws/K1_parameters.t aws/names_in_hosts.t",
}


def every_row_has_its_tests():
    wrong = []
    for row, paths in ROWS.items():
        for path in paths.split():
            name = row.split()[0]
            try:
                with open(f"{TESTS}/{path}", encoding="utf-8") as f:
                    text = f.read()
            except OSError as e:
                wrong.append(f"{row}: {e}")
                continue
            if not re.search(rf"\b{name}(?![0-9])", f"{os.path.basename(path)} {text}"):
                wrong.append(f"{row}: {path} does not name it")
    assert not wrong, "\n".join(wrong)


def main():
    report = Report(sys.argv[1] if len(sys.argv) > 1 else None)
    report.run("every_row_has_its_tests", every_row_has_its_tests)
    report.finish()


if __name__ == "__main__":
    main()
