// S3's protocol, as little of it as a repository needs: put if absent, get a range, list, delete.
#include <openssl/evp.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <pugixml.hpp>
#include <thread>

#include <fmt/format.h>

#include "net/http_client.h"
#include "os/files.h"
#include "repository/crypto.h"
#include "repository/storage.h"
#include "wire/text.h"

namespace howdah::repository {
namespace {

constexpr std::chrono::seconds kSilence{120};
constexpr int kTries = 5;
constexpr std::chrono::milliseconds kFirstPause{200};

std::string base64(std::string_view bytes) {
  std::string out((bytes.size() + 2) / 3 * 4 + 1, '\0');
  out.resize(static_cast<size_t>(EVP_EncodeBlock(reinterpret_cast<uint8_t*>(out.data()),
                                                 reinterpret_cast<const uint8_t*>(bytes.data()),
                                                 static_cast<int>(bytes.size()))));
  return out;
}

std::string_view trim(std::string_view text) {
  const size_t begin = text.find_first_not_of(" \t\r"), end = text.find_last_not_of(" \t\r");
  return begin == text.npos ? std::string_view{} : text.substr(begin, end - begin + 1);
}

/// What the server says went wrong.
std::string said(const wire::HttpResponse& answer) {
  pugi::xml_document xml;
  if (!xml.load_buffer(answer.body.data(), answer.body.size())) return fmt::format("status {}", answer.status);
  const auto error = xml.child("Error");
  return fmt::format("{}: {} (status {})", error.child_value("Code"), error.child_value("Message"), answer.status);
}

class Bucket : public Storage {
 public:
  explicit Bucket(BucketOptions options, net::HttpTarget target) : o_(std::move(options)), target_(std::move(target)) {}

  Result<bool> put(const std::string& name, std::string_view content) override {
    // Servers that do not know If-None-Match ignore it. A pack's name is random: nobody has taken it.
    if (name.find("/packs/") == name.npos) {
      const auto there = exists(name);
      if (!there || *there) return there ? Result<bool>(false) : there;
    }
    wire::HttpRequest request{.method = "PUT", .raw_path = path_of(name), .body = std::string(content)};
    request.headers = {{"if-none-match", "*"}};
    bool unsure = false;
    auto answer = send(request, &unsure);
    if (answer && answer->status == 501) {
      request.headers.clear();
      answer = send(request, &unsure);
    }
    if (!answer) return tl::unexpected(answer.error());
    if (answer->status / 100 == 2) return true;
    if (answer->status != 412) return refused("store", name, *answer);
    if (!unsure) return false;
    const auto stored = find(name);  // an earlier try of ours may have got through
    if (!stored) return tl::unexpected(stored.error());
    return *stored && **stored == content;
  }

  Result<std::optional<std::string>> find(const std::string& name) override {
    auto answer = send({.method = "GET", .raw_path = path_of(name)});
    if (!answer) return tl::unexpected(answer.error());
    if (missing(*answer)) return std::optional<std::string>();
    if (answer->status != 200) return refused("read", name, *answer);
    return std::optional(std::move(answer->body));
  }

  Result<void> read(const std::string& name, uint64_t offset, char* out, size_t size) override {
    wire::HttpRequest request{.method = "GET", .raw_path = path_of(name)};
    request.headers = {{"range", fmt::format("bytes={}-{}", offset, offset + size - 1)}};
    const auto answer = send(request);
    if (!answer) return tl::unexpected(answer.error());
    if (missing(*answer)) return fail(fmt::format("there is no {} in {}", name, about()));
    if (answer->status == 416 || (answer->status == 206 && answer->body.size() < size)) {
      return fail(
          fmt::format("{} in {} ends before byte {}, before what was stored in it", name, about(), offset + size));
    }
    if (answer->status == 200 && answer->body.size() >= offset + size) {  // a server without ranges
      std::memcpy(out, answer->body.data() + offset, size);
      return {};
    }
    if (answer->status != 206 || answer->body.size() != size) return refused("read", name, *answer);
    std::memcpy(out, answer->body.data(), size);
    return {};
  }

  Result<std::vector<Object>> list(const std::string& prefix) override {
    std::vector<Object> out;
    std::string more;
    do {
      wire::HttpRequest request{.method = "GET", .raw_path = "/" + o_.bucket};
      request.raw_query = "list-type=2&max-keys=1000&prefix=" + wire::percent_encode(o_.prefix + prefix);
      if (!more.empty()) request.raw_query += "&continuation-token=" + wire::percent_encode(more);
      const auto answer = send(request);
      if (!answer) return tl::unexpected(answer.error());
      if (answer->status != 200) return refused("list", prefix, *answer);
      pugi::xml_document xml;
      if (!xml.load_buffer(answer->body.data(), answer->body.size())) return fail(about() + " answers no XML");
      const auto result = xml.child("ListBucketResult");
      for (const auto& item : result.children("Contents")) {
        const std::string key = item.child_value("Key");
        if (key.starts_with(o_.prefix))
          out.push_back({key.substr(o_.prefix.size()), item.child("Size").text().as_ullong()});
      }
      more = result.child("IsTruncated").text().as_bool() ? result.child_value("NextContinuationToken") : "";
    } while (!more.empty());
    std::sort(out.begin(), out.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
    return out;
  }

  Result<void> remove(const std::string& name) override {
    const auto answer = send({.method = "DELETE", .raw_path = path_of(name)});
    if (!answer) return tl::unexpected(answer.error());
    if (answer->status / 100 == 2 || missing(*answer)) return {};
    return refused("remove", name, *answer);
  }

  bool near() const override { return o_.near; }
  std::string locks() const override { return o_.locks; }
  std::string about() const override { return fmt::format("s3://{}/{} at {}", o_.bucket, o_.prefix, o_.endpoint); }

 private:
  std::string path_of(const std::string& name) const {
    return "/" + o_.bucket + "/" + wire::percent_encode(o_.prefix + name, true);
  }

  static bool missing(const wire::HttpResponse& answer) {
    return answer.status == 404 && answer.body.find("NoSuchBucket") == answer.body.npos;
  }

  tl::unexpected<Error> refused(const char* what, const std::string& name, const wire::HttpResponse& answer) const {
    return fail(fmt::format("{} refuses to {} '{}': {}", about(), what, name, said(answer)));
  }

  Result<bool> exists(const std::string& name) {
    wire::HttpRequest request{.method = "GET", .raw_path = path_of(name)};
    request.headers = {{"range", "bytes=0-0"}};
    const auto answer = send(request);
    if (!answer) return tl::unexpected(answer.error());
    if (missing(*answer)) return false;
    if (answer->status / 100 == 2 || answer->status == 416) return true;
    return refused("look for", name, *answer);
  }

  /// `unsure` becomes true when a try may have had an effect although it got no answer.
  Result<wire::HttpResponse> send(const wire::HttpRequest& request, bool* unsure = nullptr) {
    auto pause = kFirstPause;
    for (int left = kTries;; left--, pause *= 2) {
      auto answer = send_once(request);
      const bool busy = answer && (answer->status == 429 || (answer->status >= 500 && answer->status != 501));
      if ((answer && !busy) || (!answer && !answer.error().retry)) return answer;
      if (unsure != nullptr) *unsure = true;
      if (left == 1) return answer ? fail_for_now(about() + " is too busy: " + said(*answer)) : answer;
      std::this_thread::sleep_for(pause);
    }
  }

  Result<wire::HttpResponse> send_once(wire::HttpRequest request) {
    const bool default_port = target_.port == (target_.tls ? "443" : "80");
    request.headers.emplace_back("host", default_port ? target_.host : target_.host + ":" + target_.port);
    // A bucket with object lock insists on it.
    if (request.method == "PUT")
      request.headers.emplace_back("x-amz-checksum-sha256", base64(unhex(wire::sha256_hex(request.body))));
    const Time now = std::chrono::floor<Millis>(std::chrono::system_clock::now());
    wire::sign(request, o_.credentials, o_.region, "s3", now);
    return net::send_request(target_, request, kSilence);
  }

  const BucketOptions o_;
  const net::HttpTarget target_;
};

}  // namespace

Result<std::unique_ptr<Storage>> open_bucket(BucketOptions options) {
  auto target = net::parse_url(options.endpoint);
  if (!target) return tl::unexpected(target.error());
  if (auto made = os::ensure_dir(options.locks, 0700); !made) return tl::unexpected(made.error());
  auto bucket = std::make_unique<Bucket>(std::move(options), std::move(*target));
  if (const auto seen = bucket->list("keys/"); !seen) return tl::unexpected(seen.error());
  return bucket;
}

Result<wire::Credentials> bucket_credentials(const std::string& file) {
  wire::Credentials c;
  if (file.empty()) {
    const auto from = [](const char* name) { return std::getenv(name) != nullptr ? std::getenv(name) : ""; };
    c = {from("AWS_ACCESS_KEY_ID"), from("AWS_SECRET_ACCESS_KEY"), from("AWS_SESSION_TOKEN")};
  } else {
    const auto text = os::read_file(file, 1 << 20);
    if (!text) return tl::unexpected(text.error());
    bool ours = false;
    for (std::string_view rest = *text; !rest.empty();) {
      const std::string_view line = trim(rest.substr(0, rest.find('\n')));
      rest.remove_prefix(std::min(rest.size(), rest.find('\n') == rest.npos ? rest.size() : rest.find('\n') + 1));
      if (line.starts_with('[')) ours = line == "[default]";
      const size_t equals = line.find('=');
      if (!ours || equals == line.npos) continue;
      const std::string_view key = trim(line.substr(0, equals)), value = trim(line.substr(equals + 1));
      if (key == "aws_access_key_id") c.access_key = value;
      if (key == "aws_secret_access_key") c.secret_key = value;
      if (key == "aws_session_token") c.session_token = value;
    }
  }
  if (c.access_key.empty() || c.secret_key.empty()) {
    return fail(file.empty()
                    ? "no credentials for the bucket: set credentials_file in [repository], or AWS_ACCESS_KEY_ID "
                      "and AWS_SECRET_ACCESS_KEY"
                    : file + " holds no aws_access_key_id and aws_secret_access_key in [default]");
  }
  return c;
}

}  // namespace howdah::repository
