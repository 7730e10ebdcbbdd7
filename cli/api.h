// The server's answers as documents, with the query parameters that only kubectl-like verbs need.
// Prints the server's warnings.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "api/codec/json.h"
#include "base/mutex.h"
#include "cli/environment.h"
#include "client/client.h"
#include "client/transport.h"

namespace skiff::cli {

using Query = std::vector<std::pair<std::string, std::string>>;

struct WriteOptions {
  std::string field_manager;
  std::string dry_run;           // "All" or ""
  std::string field_validation;  // "Strict", "Warn", "Ignore", ""
  // A built-in object that somebody made of flags, so that it has no unknown fields: where JSON is
  // more than a request may have, as bytes are escaped, it goes as protobuf.
  bool may_be_protobuf = false;
};

inline constexpr int kPageItems = 500;
inline constexpr const char kChunkSizeHelp[] =
    "Return large lists in chunks of so many objects; 0 returns them at once.";
// ListOptions::limit for a --chunk-size.
inline int64_t PageLimit(int chunk_size) {
  constexpr int64_t kNoPages = -1;
  return chunk_size > 0 ? chunk_size : kNoPages;
}

// Gets a piece of a text that is never there as a whole.
using TakePiece = std::function<void(std::string_view)>;

class Api {
 public:
  // `headers` go with each request.
  Api(Environment& environment, std::unique_ptr<Transport> transport, http::Headers headers)
      : environment_(environment), transport_(std::move(transport)), headers_(std::move(headers)) {}

  Transport& transport() { return *transport_; }
  const http::Headers& headers() const { return headers_; }
  Environment& environment() { return environment_; }
  // Warnings of the server so far, each counted once.
  size_t warning_count() const { return warned_.size(); }
  // Any answer, whatever its status; where the server says when to ask again, what it answers then.
  http::Response Send(http::Request request);
  // The error that an answer outside 2xx describes.
  static Error ErrorOf(const http::Response& response);
  static std::string BodyOf(const http::Response& response);

  // `read` makes the document of the answer's text.
  Result<Json> Get(const std::string& path, Query query, const std::string& accept = "",
                   Result<Json> (*read)(std::string_view) = ParseJson);
  // The body as it came, for who knows that it is short.
  Result<std::string> GetText(const std::string& path, Query query);
  // The same as it comes: `take` gets one piece after the other. PullAll tells of `limit`.
  Result<> GetPieces(const std::string& path, Query query, Duration limit, const TakePiece& take);
  Result<std::unique_ptr<http::StreamSource>> GetStream(const std::string& path, Query query,
                                                        const std::string& accept = "");
  Result<Json> Write(const std::string& method, const std::string& path, Query query,
                     const Json& body, const std::string& content_type = "application/json");

  // A body that is text already.
  Result<Json> WriteText(const std::string& method, const std::string& path, Query query,
                         std::string body, const std::string& content_type);

  Result<Json> Get(const Resource& resource, const ObjectKey& key,
                   const std::string& subresource = "");
  // All pages, of options.limit items (0: kPageItems; below: one); items carry apiVersion and kind.
  // With options.resource_version, as they were then.
  Result<JsonList> List(const Resource& resource, const ListOptions& options);
  // Without the version that the object may have had where it was read, as kubectl.
  Result<Json> Create(const Resource& resource, const std::string& namespace_, const Json& object,
                      const WriteOptions& options);
  // PUT under the object's own name.
  Result<Json> Update(const Resource& resource, const ObjectKey& key, const Json& object,
                      const WriteOptions& options, const std::string& subresource = "");
  Result<Json> Patch(const Resource& resource, const ObjectKey& key, PatchType type,
                     const Json& patch, const WriteOptions& options,
                     const std::string& subresource = "");

 private:
  Environment& environment_;
  const std::unique_ptr<Transport> transport_;
  const http::Headers headers_;
  std::vector<std::string> warned_;
};

// The query parameters of a write.
Query QueryOf(const WriteOptions& options);

// Gives `take` all that a stream carries, until it ends or nobody gets what is printed. Fails when
// it is cut, and when it takes longer than `limit` (--request-timeout; kNever: it may).
Result<> PullAll(Environment& environment, http::StreamSource& source, Duration limit,
                 const TakePiece& take);
// The error of a body that took longer than that.
Error BodyTookTooLong();

// Reads a watch and waits for its events.
class EventReader {
 public:
  // `environment` outlives it.
  EventReader(Environment& environment, std::unique_ptr<http::StreamSource> source);
  // The next event; nullopt when the watch was closed or cut; Timeout when none came in time.
  // The verb ends where what it has printed reached nobody.
  Result<std::optional<WatchEvent>> Next(Duration timeout = kNever);
  // Next of a watch that is a request like others: after `limit` (--request-timeout), counted from
  // when the reader was made, it has ended, which is no error. nullopt then, too.
  Result<std::optional<WatchEvent>> NextWithin(Duration limit);

 private:
  Environment& environment_;
  const Duration begun_;
  struct Signal {
    Mutex mutex;
    CondVar changed;
    bool woken GUARDED_BY(mutex) = true;
  };
  const std::shared_ptr<Signal> signal_ = std::make_shared<Signal>();
  WatchStream stream_;
  std::vector<WatchEvent> events_;
  size_t next_ = 0;
  bool ended_ = false;
};

}  // namespace skiff::cli
