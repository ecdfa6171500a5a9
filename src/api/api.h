#pragma once
#include <concepts>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <utility>

#include "api/context.h"
#include "wire/http.h"
#include "wire/shape.h"

namespace howdah::api {

/// Which function answers which operation. Filled at start-up from one thread, constant afterwards.
///
///   api.on(aws::rds::kService, "CreateDBInstance", env, create_db_instance);
///   CreateDBInstanceResult create_db_instance(Env&, Context&, const CreateDBInstanceMessage&);
///
/// The types are checked against the operation's shapes: a name that the model does not have, a wrong type or a second
/// registration ends the process at start-up, with the operation named.
class Api {
 public:
  /// Reads the input that its shape describes, answers a value of the output's shape. May throw Fault.
  using Handler = std::function<wire::BoxBase(Context&, const void* in)>;

  struct Entry {
    const wire::Service* service;
    const wire::Operation* operation;
    Handler handler;  ///< empty: modelled, but nobody answers it yet
  };

  /// Makes the service's operations known: dispatch finds them even when nothing answers them yet.
  void add(const wire::Service& service);

  template <class Env, class In, class Out>
  void on(const wire::Service& service, std::string_view operation, Env& env,
          Out (*fn)(std::type_identity_t<Env>&, Context&, const In&)) {
    bind(service, operation, box<In>(), box<Out>(), [&env, fn](Context& ctx, const void* in) {
      wire::BoxBase out;
      *static_cast<Out*>(out.make(box<Out>())) = fn(env, ctx, *static_cast<const In*>(in));
      return out;
    });
  }
  template <class In, class Out>
  void on(const wire::Service& service, std::string_view operation, Out (*fn)(Context&, const In&)) {
    bind(service, operation, box<In>(), box<Out>(), [fn](Context& ctx, const void* in) {
      wire::BoxBase out;
      *static_cast<Out*>(out.make(box<Out>())) = fn(ctx, *static_cast<const In*>(in));
      return out;
    });
  }

  /// Answers with every list of the output present and empty. When the caller asks for one by name (the input member
  /// `id`), the operation's first modelled error says that there is no such thing.
  void answer_empty(const wire::Service& service, std::string_view operation, std::string_view id = {});
  /// Always refuses: what Howdah will never do, with the reason.
  void refuse(const wire::Service& service, std::string_view operation, std::string code, std::string why);

  const Entry* find(const wire::Service& service, const wire::Operation& operation) const;
  const std::map<std::pair<std::string, std::string>, Entry>& entries() const { return entries_; }
  const std::vector<const wire::Service*>& services() const { return services_; }

 private:
  /// Null for an operation without input or output.
  template <class T>
  static const wire::BoxOps* box() {
    return &wire::kBoxOps<T>;
  }
  void bind(const wire::Service& service, std::string_view operation, const wire::BoxOps* in, const wire::BoxOps* out,
            Handler handler);
  Entry& entry(const wire::Service& service, std::string_view operation);

  std::vector<const wire::Service*> services_;
  std::map<std::pair<std::string, std::string>, Entry> entries_;  // by service and operation name
};

}  // namespace howdah::api
