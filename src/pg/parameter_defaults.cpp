#include "pg/parameter_defaults.h"

#include <algorithm>
#include <iterator>

namespace howdah::pg {
namespace {

constexpr RdsDefault kDefaults[] = {
    {"autovacuum_analyze_scale_factor", "0.05"},
    {"autovacuum_max_workers", "GREATEST({DBInstanceClassMemory/64371566592},3)"},
    {"autovacuum_naptime", "15"},
    {"autovacuum_vacuum_cost_limit", "GREATEST({log(DBInstanceClassMemory/21474836480)*600},200)"},
    {"autovacuum_vacuum_scale_factor", "0.1"},
    {"checkpoint_completion_target", "0.9"},
    {"effective_cache_size", "{DBInstanceClassMemory/16384}"},
    {"idle_in_transaction_session_timeout", "86400000"},
    {"log_autovacuum_min_duration", "10000"},
    {"log_checkpoints", "1"},
    {"log_destination", "stderr"},
    {"log_filename", "postgresql.log.%Y-%m-%d-%H"},
    {"log_rotation_age", "60"},
    {"log_truncate_on_rotation", "0"},
    {"maintenance_work_mem", "GREATEST({DBInstanceClassMemory*1024/63963136},65536)"},
    {"max_connections", "LEAST({DBInstanceClassMemory/9531392},5000)"},
    {"max_replication_slots", "20"},
    {"max_stack_depth", "6144"},
    {"max_wal_senders", "20"},
    {"max_wal_size", "2048"},
    {"max_worker_processes", "GREATEST({DBInstanceVCPU*2},8)"},
    {"min_wal_size", "192"},
    {"password_encryption", "scram-sha-256", 14},
    {"shared_buffers", "{DBInstanceClassMemory/32768}"},
    {"shared_preload_libraries", "pg_stat_statements"},
    {"tcp_keepalives_count", "2"},
    {"tcp_keepalives_idle", "300"},
    {"tcp_keepalives_interval", "30"},
    {"timezone", "UTC"},
    {"track_activity_query_size", "4096"},
    {"track_io_timing", "1"},
    {"wal_keep_size", "2048", 13},
    {"wal_receiver_timeout", "30000"},
    {"wal_sender_timeout", "30000"},
};

constexpr RdsParameter kRdsParameters[] = {
    {"rds.accepted_password_auth_method", "md5+scram", "string", "md5+scram,scram", false,
     "Force authentication for connections with passwords stored locally."},
    {"rds.adaptive_autovacuum", "1", "boolean", "0,1", false, "Enables or disables adaptive autovacuum."},
    {"rds.force_ssl", "1", "boolean", "0,1", false, "Force SSL connections.", 15},
    {"rds.force_ssl", "0", "boolean", "0,1", false, "Force SSL connections."},
    {"rds.log_retention_period", "4320", "integer", "1440-10080", false,
     "Log files older than this many minutes are removed."},
    {"rds.logical_replication", "0", "boolean", "0,1", true, "Enables logical decoding."},
    {"rds.restrict_password_commands", "0", "boolean", "0", true,
     "Restricts password-related commands to members of rds_password.", 0,
     "stock PostgreSQL lets every role change its own password, and no module is loaded that would not"},
    {"rds.superuser_read_all", "0", "boolean", "0,1", false, "Lets rds_superuser read all data (pg_read_all_data).",
     14},
};

constexpr std::string_view kReserved[] = {"allow_alter_system",
                                          "allow_in_place_tablespaces",
                                          "allow_system_table_mods",
                                          "archive_library",
                                          "archive_mode",
                                          "archive_timeout",
                                          "backtrace_functions",
                                          "bonjour",
                                          "bonjour_name",
                                          "cluster_name",
                                          "data_checksums",
                                          "data_sync_retry",
                                          "db_user_namespace",
                                          "dynamic_shared_memory_type",
                                          "event_source",
                                          "exit_on_error",
                                          "fsync",
                                          "full_page_writes",
                                          "hot_standby",
                                          "ignore_checksum_failure",
                                          "ignore_invalid_pages",
                                          "ignore_system_indexes",
                                          "jit_provider",
                                          "lc_messages",
                                          "listen_addresses",
                                          "log_file_mode",
                                          "log_line_prefix",
                                          "log_timezone",
                                          "logging_collector",
                                          "max_files_per_process",
                                          "port",
                                          "post_auth_delay",
                                          "pre_auth_delay",
                                          "primary_conninfo",
                                          "primary_slot_name",
                                          "promote_trigger_file",
                                          "remove_temp_files_after_crash",
                                          "restart_after_crash",
                                          "restrict_nonsystem_relation_kind",
                                          "send_abort_for_crash",
                                          "send_abort_for_kill",
                                          "shared_memory_type",
                                          "ssl",
                                          "ssl_library",
                                          "ssl_passphrase_command_supports_reload",
                                          "sync_replication_slots",
                                          "synchronized_standby_slots",
                                          "synchronous_standby_names",
                                          "trace_recovery_messages",
                                          "unix_socket_group",
                                          "unix_socket_permissions",
                                          "wal_consistency_checking",
                                          "wal_init_zero",
                                          "wal_level",
                                          "wal_log_hints",
                                          "wal_recycle",
                                          "wal_sync_method",
                                          "zero_damaged_pages"};

}  // namespace

std::span<const RdsDefault> rds_defaults() { return kDefaults; }
std::span<const RdsParameter> rds_parameters() { return kRdsParameters; }

bool is_reserved_parameter(std::string_view name) {
  if (std::find(std::begin(kReserved), std::end(kReserved), name) != std::end(kReserved)) return true;
  if (name == "search_path" || name == "shared_preload_libraries") return false;
  for (std::string_view end : {"_command", "_file", "_directory", "_directories", "_path", "_preload_libraries"}) {
    if (name.ends_with(end)) return true;
  }
  for (std::string_view start :
       {"recovery_", "archive_", "restore_", "debug_io", "syslog_", "trace_", "krb_", "gss_"}) {
    if (name.starts_with(start)) return true;
  }
  return false;
}

}  // namespace howdah::pg
