#include "cli/api.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <optional>

#include "api/codec/json.h"
#include "api/text/go_text.h"
#include "cli/command.h"
#include "cli/json_text.h"
#include "cli/object_size.h"
#include "cli/request_log.h"

namespace skiff::cli {
namespace {

// The text of a `299 - "text"` warning.
std::string WarningText(const std::string& header) {
  const size_t open = header.find('"');
  const size_t close = header.rfind('"');
  if (open == std::string::npos || close <= open) return "";
  std::string text;
  for (size_t i = open + 1; i < close; ++i) {
    if (header[i] == '\\' && i + 1 < close) ++i;
    text += header[i];
  }
  return text;
}

Result<Json> Parsed(const http::Response& response, const std::string& path,
                    Result<Json> (*read)(std::string_view) = ParseJson) {
  if (response.status < 200 || response.status > 299) return Fail(Api::ErrorOf(response));
  auto document = read(Api::BodyOf(response));
  if (!document) {
    return Fail(Reason::kBadRequest, "the server's answer is not JSON: " + path);
  }
  return document;
}

http::Request Asking(const std::string& path, Query query, const std::string& accept) {
  http::Request request;
  request.method = "GET";
  request.path = path;
  // As Go writes them.
  std::stable_sort(query.begin(), query.end(),
                   [](const auto& a, const auto& b) { return a.first < b.first; });
  request.query = std::move(query);
  request.headers.emplace("Accept", accept.empty() ? "application/json" : accept);
  return request;
}

// How long a server that cannot answer now wants to be left alone; nullopt: it does not say.
std::optional<Duration> RetryAfter(const http::Response& response) {
  constexpr int kTooManyRequests = 429, kServerErrors = 500;
  if (response.status != kTooManyRequests && response.status < kServerErrors) return std::nullopt;
  const std::string text(response.Header("Retry-After"));
  int seconds = 0;
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), seconds);
  if (code != std::errc() || end != text.data() + text.size() || seconds < 0) return std::nullopt;
  return std::chrono::seconds(seconds);
}

// What stands for an answer that does not say what is wrong, by its status alone.
Error ErrorOfStatus(int status, std::string body) {
  while (body.ends_with('\n')) body.pop_back();
  struct Known {
    int status;
    Reason reason;
    const char* message;
  };
  static constexpr Known kKnown[] = {
      {401, Reason::kUnauthorized, "the server has asked for the client to provide credentials"},
      {404, Reason::kNotFound, "the server could not find the requested resource"},
      {405, Reason::kMethodNotAllowed,
       "the server does not allow this method on the requested resource"},
      {406, Reason::kNotAcceptable,
       "the server was unable to respond with a content type that the "
       "client supports"},
      {409, Reason::kConflict, "the server reported a conflict"},
      {429, Reason::kTooManyRequests,
       "the server has received too many requests and has asked us to try again later"},
      {503, Reason::kServiceUnavailable, "the server is currently unable to handle the request"},
      {504, Reason::kTimeout,
       "the server was unable to return a response in the time allotted, but may still be "
       "processing the request"},
  };
  Error error{Reason::kUnknown, "the server responded with the status code " +
                                    std::to_string(status) +
                                    " but did not return more information"};
  for (const Known& known : kKnown) {
    if (known.status == status) error = {known.reason, known.message};
  }
  if (status == 403) error = {Reason::kForbidden, body};
  if (status == 400) {
    error = {Reason::kBadRequest, "the server rejected our request for an unknown reason"};
  }
  if (status == 500) {
    error = {Reason::kInternalError,
             fmt::format("an error on the server ({}) has prevented the request from succeeding",
                         GoQuote(body))};
  }
  error.http_code = status;
  return error;
}

}  // namespace

http::Response Api::Send(http::Request request) {
  for (const auto& header : headers_) request.headers.insert(header);
  constexpr int kRetriesMax = 10;
  http::Response response = transport_->Send(request);
  for (int retries = 0; retries < kRetriesMax; ++retries) {
    const std::optional<Duration> wait = RetryAfter(response);
    if (!wait) break;
    environment_.pause(*wait);
    response = transport_->Send(request);
  }
  const auto [first, last] = response.headers.equal_range("Warning");
  for (auto at = first; at != last; ++at) {
    const std::string text = WarningText(at->second);
    if (text.empty() || std::find(warned_.begin(), warned_.end(), text) != warned_.end()) continue;
    warned_.push_back(text);
    environment_.err(fmt::format("Warning: {}\n", text));
  }
  return response;
}

Error Api::ErrorOf(const http::Response& response) {
  const std::string body = BodyOf(response);
  const auto status = ParseJson(body);
  if (status && TextAt(*status, "kind") == "Status") {
    return ErrorFromStatus(*status, response.status);
  }
  return ErrorOfStatus(response.status, body);
}

std::string Api::BodyOf(const http::Response& response) {
  std::string body = response.body;
  for (const http::SharedBytes& piece : response.pieces) body += *piece;
  return body;
}

Result<Json> Api::Get(const std::string& path, Query query, const std::string& accept,
                      Result<Json> (*read)(std::string_view)) {
  return Parsed(Send(Asking(path, std::move(query), accept)), path, read);
}

Result<std::string> Api::GetText(const std::string& path, Query query) {
  const http::Response response = Send(Asking(path, std::move(query), "application/json, */*"));
  if (response.status < 200 || response.status > 299) return Fail(ErrorOf(response));
  return BodyOf(response);
}

Result<> Api::GetPieces(const std::string& path, Query query, Duration limit,
                        const TakePiece& take) {
  http::Request request = Asking(path, std::move(query), "application/json, */*");
  request.wants_stream = true;
  const http::Response response = Send(std::move(request));
  if (response.status < 200 || response.status > 299) return Fail(ErrorOf(response));
  if (response.stream) return PullAll(environment_, *response.stream, limit, take);
  take(BodyOf(response));
  return {};
}

Result<std::unique_ptr<http::StreamSource>> Api::GetStream(const std::string& path, Query query,
                                                           const std::string& accept) {
  http::Response response = Send(Asking(path, std::move(query), accept));
  if (response.status != 200) return Fail(ErrorOf(response));
  if (!response.stream) return Fail(Reason::kBadRequest, "the server did not answer by a stream");
  return std::move(response.stream);
}

Result<Json> Api::Write(const std::string& method, const std::string& path, Query query,
                        const Json& body, const std::string& content_type) {
  return WriteText(method, path, std::move(query), DumpJson(body), content_type);
}

Result<Json> Api::WriteText(const std::string& method, const std::string& path, Query query,
                            std::string body, const std::string& content_type) {
  http::Request request = Asking(path, std::move(query), "");
  request.method = method;
  request.headers.emplace("Content-Type", content_type);
  request.body = std::move(body);
  return Parsed(Send(std::move(request)), path);
}

Result<Json> Api::Get(const Resource& resource, const ObjectKey& key,
                      const std::string& subresource) {
  return Get(TRY(resource.Path(key, subresource)), Query());
}

Result<JsonList> Api::List(const Resource& resource, const ListOptions& options) {
  JsonList list;
  do {
    Query query;
    const int64_t limit = options.limit == 0 ? kPageItems : options.limit;
    if (options.resource_version.empty() && limit > 0) {
      query.emplace_back("limit", std::to_string(limit));
    }
    if (!options.label_selector.empty())
      query.emplace_back("labelSelector", options.label_selector);
    if (!options.field_selector.empty())
      query.emplace_back("fieldSelector", options.field_selector);
    if (!options.resource_version.empty()) {
      query.emplace_back("resourceVersion", options.resource_version);
      query.emplace_back("resourceVersionMatch", "Exact");
    }
    if (!list.continue_.empty()) query.emplace_back("continue", list.continue_);
    Json page = TRY(Get(TRY(resource.CollectionPath(options.namespace_)), std::move(query)));
    list.resource_version = TextAt(page, "metadata", "resourceVersion");
    list.continue_ = TextAt(page, "metadata", "continue");
    const auto items = page.find("items");
    if (items == page.end() || !items->is_array()) break;
    for (Json& item : *items) {
      if (!item.contains("kind")) item["kind"] = resource.kind;
      if (!item.contains("apiVersion")) item["apiVersion"] = resource.api_version;
      list.items.push_back(std::move(item));
    }
  } while (!list.continue_.empty());
  return list;
}

Query QueryOf(const WriteOptions& options) {
  Query query;
  if (!options.dry_run.empty()) query.emplace_back("dryRun", options.dry_run);
  if (!options.field_manager.empty()) query.emplace_back("fieldManager", options.field_manager);
  if (!options.field_validation.empty()) {
    query.emplace_back("fieldValidation", options.field_validation);
  }
  return query;
}

Result<Json> Api::Create(const Resource& resource, const std::string& namespace_,
                         const Json& object, const WriteOptions& options) {
  constexpr char kJson[] = "application/json";
  constexpr char kProtobuf[] = "application/vnd.kubernetes.protobuf";
  const std::string path = TRY(resource.CollectionPath(namespace_));
  if (At(object, "metadata", "resourceVersion").is_null()) {
    std::string json = DumpJson(object);
    const auto protobuf = options.may_be_protobuf && json.size() > kRequestBytesMax
                              ? ProtobufOf(object, json)
                              : std::nullopt;
    if (!protobuf) return WriteText("POST", path, QueryOf(options), std::move(json), kJson);
    return WriteText("POST", path, QueryOf(options), *protobuf, kProtobuf);
  }
  Json fresh = object;
  fresh["metadata"].erase("resourceVersion");
  return Write("POST", path, QueryOf(options), fresh);
}

Result<Json> Api::Update(const Resource& resource, const ObjectKey& key, const Json& object,
                         const WriteOptions& options, const std::string& subresource) {
  return Write("PUT", TRY(resource.Path(key, subresource)), QueryOf(options), object);
}

Result<Json> Api::Patch(const Resource& resource, const ObjectKey& key, PatchType type,
                        const Json& patch, const WriteOptions& options,
                        const std::string& subresource) {
  return Write("PATCH", TRY(resource.Path(key, subresource)), QueryOf(options), patch,
               std::string(ContentType(type)));
}

Error BodyTookTooLong() {
  return CliError(
             "context deadline exceeded (Client.Timeout or context cancellation while reading "
             "body)")
      .value();
}

Result<> PullAll(Environment& environment, http::StreamSource& source, Duration limit,
                 const TakePiece& take) {
  struct Signal {
    Mutex mutex;
    CondVar changed;
    bool woken GUARDED_BY(mutex) = true;
  };
  constexpr size_t kPulledBytesMax = 64 << 10;
  const auto signal = std::make_shared<Signal>();
  source.Attach([signal] {
    const MutexLock lock(signal->mutex);
    signal->woken = true;
    signal->changed.notify_all();
  });
  const auto deadline = std::chrono::steady_clock::now() + std::min<Duration>(limit, 24h * 365);
  while (true) {
    std::vector<http::SharedBytes> pieces;
    const http::Pulled pulled = source.Pull(kPulledBytesMax, pieces);
    for (const http::SharedBytes& piece : pieces) take(*piece);
    if (pulled == http::Pulled::kEnd || environment.EndsForOutput()) return {};
    if (pulled == http::Pulled::kAbort) return CliError("unexpected EOF");
    if (std::chrono::steady_clock::now() >= deadline) return Fail(BodyTookTooLong());
    if (pulled == http::Pulled::kMore) continue;
    MutexLock lock(signal->mutex);
    while (!signal->woken) {
      const auto waited = signal->changed.wait_until(lock, deadline);
      if (waited == std::cv_status::timeout && !signal->woken) return Fail(BodyTookTooLong());
    }
    signal->woken = false;
  }
}

EventReader::EventReader(Environment& environment, std::unique_ptr<http::StreamSource> source)
    : environment_(environment), begun_(environment.clock.Monotonic()), stream_(std::move(source)) {
  stream_.Attach([signal = signal_] {
    const MutexLock lock(signal->mutex);
    signal->woken = true;
    signal->changed.notify_all();
  });
}

Result<std::optional<WatchEvent>> EventReader::Next(Duration timeout) {
  if (environment_.EndsForOutput()) return Command::ExitNow();
  const auto deadline = std::chrono::steady_clock::now() + std::min<Duration>(timeout, 24h * 365);
  while (next_ == events_.size()) {
    if (ended_) return std::nullopt;
    events_.clear();
    next_ = 0;
    const auto pulled = stream_.Next(events_);
    // One that is cut, by the server or by what stands before it, has ended.
    const bool is_cut = !pulled && pulled.error().reason == Reason::kServiceUnavailable &&
                        pulled.error().http_code == 0;
    if (!pulled && !is_cut) return Fail(pulled.error());
    ended_ = is_cut || *pulled == http::Pulled::kEnd;
    if (!events_.empty() || ended_ || *pulled != http::Pulled::kIdle) continue;
    MutexLock lock(signal_->mutex);
    while (!signal_->woken) {
      const auto waited = signal_->changed.wait_until(lock, deadline);
      if (waited == std::cv_status::timeout && !signal_->woken) {
        return Fail(Reason::kTimeout, "timed out waiting for the condition");
      }
    }
    signal_->woken = false;
  }
  return std::move(events_[next_++]);
}

Result<std::optional<WatchEvent>> EventReader::NextWithin(Duration limit) {
  if (limit == kNever) return Next();
  const auto left = [&] { return limit - (environment_.clock.Monotonic() - begun_); };
  auto next = Next(std::max(left(), Duration(0)));
  if (next || left() > Duration(0)) return next;
  if (environment_.verbosity >= kLogsEndsOfWatches) {
    environment_.err(LogLine(environment_, 'I', "streamwatcher.go:123",
                             "\"Unable to decode an event from the watch stream\" "
                             "err=\"context deadline exceeded (Client.Timeout or context "
                             "cancellation while reading body)\""));
  }
  return std::nullopt;
}

}  // namespace skiff::cli
