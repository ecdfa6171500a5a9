#include "api/api.h"

#include <cstdlib>

#include "util/fault.h"
#include "util/log.h"
#include "wire/access.h"

namespace howdah::api {
namespace {

[[noreturn]] void give_up(const wire::Service& service, std::string_view operation, std::string_view why) {
  log::error("wrong registration",
             {{"operation", std::string(service.name) + "." + std::string(operation)}, {"why", why}});
  std::abort();
}

bool fits(const wire::Shape* shape, const wire::BoxOps* box) {
  return box == (shape ? shape->box : &wire::kBoxOps<wire::Empty>);
}

const wire::Member* member_named(const wire::Shape* shape, std::string_view name) {
  if (!shape) return nullptr;
  for (const wire::Member& m : shape->members) {
    if (m.name == name) return &m;
  }
  return nullptr;
}

}  // namespace

void Api::add(const wire::Service& service) {
  for (const wire::Service* known : services_) {
    if (known == &service) return;
  }
  services_.push_back(&service);
  for (const wire::Operation& op : service.operations) {
    entries_.try_emplace({service.name, op.name}, Entry{&service, &op, {}});
  }
}

Api::Entry& Api::entry(const wire::Service& service, std::string_view operation) {
  add(service);
  const auto it = entries_.find({service.name, std::string(operation)});
  if (it == entries_.end()) give_up(service, operation, "the model has no such operation");
  if (it->second.handler) give_up(service, operation, "registered twice");
  return it->second;
}

void Api::bind(const wire::Service& service, std::string_view operation, const wire::BoxOps* in,
               const wire::BoxOps* out, Handler handler) {
  Entry& e = entry(service, operation);
  if (!fits(e.operation->in, in)) give_up(service, operation, "the input type is not the operation's");
  if (!fits(e.operation->out, out)) give_up(service, operation, "the output type is not the operation's");
  e.handler = std::move(handler);
}

void Api::answer_empty(const wire::Service& service, std::string_view operation, std::string_view id) {
  Entry& e = entry(service, operation);
  const wire::Member* asked = id.empty() ? nullptr : member_named(e.operation->in, id);
  if (!id.empty() && (!asked || e.operation->errors.empty()))
    give_up(service, operation, "no such input member, or no error");
  e.handler = [op = e.operation, asked](Context&, const void* in) {
    if (const void* value = asked ? wire::value_in(*asked->shape, wire::slot_of(in, *asked)) : nullptr) {
      throw Fault(op->errors[0].code, wire::text_of(*asked->shape, value) + " not found.");
    }
    wire::BoxBase out;
    if (!op->out) return out;
    void* result = out.make(op->out->box);
    for (const wire::Member& m : op->out->members) {
      if (m.shape->kind == wire::Kind::List) wire::emplace(*m.shape, wire::slot_of(result, m));
    }
    return out;
  };
}

void Api::refuse(const wire::Service& service, std::string_view operation, std::string code, std::string why) {
  entry(service, operation).handler = [code, why](Context&, const void*) -> wire::BoxBase { throw Fault(code, why); };
}

const Api::Entry* Api::find(const wire::Service& service, const wire::Operation& operation) const {
  const auto it = entries_.find({service.name, operation.name});
  return it == entries_.end() ? nullptr : &it->second;
}

}  // namespace howdah::api
