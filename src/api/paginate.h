#pragma once
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "store/store.h"

/// Pages of Describe operations. A marker is opaque to clients: it holds the key of the last item they have seen, so a
/// page stays right when others are added or deleted in between.
namespace howdah::api {

struct PageRequest {
  std::string after;  ///< key of the last item of the page before; empty = first page
  size_t limit;
};

/// RDS: Marker, MaxRecords 20..100, default 100. Throws InvalidParameterValue in AWS's words.
PageRequest rds_page(const std::optional<std::string>& marker, const std::optional<int32_t>& max_records);
/// EC2: NextToken, MaxResults 5..1000, default 1000.
PageRequest ec2_page(const std::optional<std::string>& token, const std::optional<int32_t>& max_results);

std::string make_marker(std::string_view last_key);

template <class Item>
struct Page {
  std::vector<Item> items;
  std::optional<std::string> marker;  ///< set when there are more
};

/// Records of `prefix` that `keep` accepts. Reads no further than one record beyond the page.
template <store::Record T, class Keep>
Page<std::shared_ptr<const T>> page_of(const store::Store& store, std::string_view prefix, const PageRequest& request,
                                       Keep&& keep) {
  Page<std::shared_ptr<const T>> out;
  std::string after = request.after;
  for (;;) {
    const auto batch = store.page<T>(prefix, after, request.limit + 1);
    for (const auto& record : batch) {
      after = record->key();
      if (!keep(*record)) continue;
      if (out.items.size() == request.limit) {
        out.marker = make_marker(out.items.back()->key());
        return out;
      }
      out.items.push_back(record);
    }
    if (batch.size() <= request.limit) return out;
  }
}
template <store::Record T>
Page<std::shared_ptr<const T>> page_of(const store::Store& store, std::string_view prefix, const PageRequest& request) {
  return page_of<T>(store, prefix, request, [](const T&) { return true; });
}

/// A page of a list in memory; `key` gives a unique key, in whose order the list is.
template <class Item, class Key>
Page<Item> page_of(std::vector<Item> all, const PageRequest& request, Key&& key) {
  Page<Item> out;
  for (Item& item : all) {
    if (!request.after.empty() && !(request.after < key(item))) continue;
    if (out.items.size() == request.limit) {
      out.marker = make_marker(key(out.items.back()));
      break;
    }
    out.items.push_back(std::move(item));
  }
  return out;
}

}  // namespace howdah::api
