#pragma once
#include <functional>
#include <string>

#include "domain/instance.h"
#include "flow/flow.h"
#include "rds/flows.h"
#include "rds/rds.h"
#include "util/result.h"

/// Steps that several tables share. Each observes first and may run again from its start at any time.
namespace howdah::rds {

using flow::Outcome;
using flow::Workflow;

/// The instance a workflow works on; throws std::runtime_error when it is gone.
std::shared_ptr<const Instance> instance_of(const Rds& rds, const Workflow& w);

/// Records a change of the instance as it is in the transaction, not as a step saw it before.
flow::Recorder change(const Workflow& w, std::function<void(Instance&, store::Tx&)> f);

/// What to answer for an error: another try when it may help, else the end of the workflow.
Outcome answer(const Error& error);

Outcome write_files(Rds& rds, const Workflow& w);       ///< conf/, certificate, hosts name; reloads a running server
Outcome start_server(Rds& rds, const Workflow& w);      ///< until it is ready; bad parameters end the workflow honestly
Outcome stop_server(Rds& rds, const Workflow& w);       ///< checkpoint, fast stop, immediate stop after a minute
Outcome apply_password(Rds& rds, const Workflow& w);    ///< when a verifier is pending
Outcome check_connection(Rds& rds, const Workflow& w);  ///< TCP, TLS, pg_hba and authentication answer a client
/// The same, but waits only: somebody else sees to a server that has ended.
Outcome try_connection(Rds& rds, const Workflow& w);

/// What a step behind start-server answers when the server does not accept connections: another try. One that has ended
/// since is started again, which nobody else does while the workflow works on its instance.
Outcome await_server(Rds& rds, const Workflow& w, const Error& error);

Outcome shut_down(Rds& rds, const Workflow& w);      ///< stop_server, with its event
Outcome finish_change(Rds& rds, const Workflow& w);  ///< a last step: check_connection, `available`, the events

/// Ends a workflow that can't go on: the instance rests in `failed`, the event says why.
void record_failure(Rds& rds, const Workflow& w, const std::string& reason, store::Tx& tx);

}  // namespace howdah::rds
