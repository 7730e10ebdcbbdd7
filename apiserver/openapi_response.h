// /openapi/v2 and /openapi/v3: made when somebody first asks, kept packed.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"
#include "base/mutex.h"
#include "http/message.h"

namespace skiff {

// Thread-safe.
class OpenApiDocuments {
 public:
  // nullopt for a path that is not one of theirs.
  std::optional<http::Response> Answer(const http::Request& request);

 private:
  struct Document {
    std::string packed;  // gzip
    std::string hash;    // SHA-512 of the text, upper case hex.
  };
  http::Response AnswerV2(const http::Request& request);
  http::Response AnswerV3(const http::Request& request, std::string_view key);
  const Document& V2(bool protobuf) REQUIRES(mutex_);
  const std::map<std::string, Document, std::less<>>& V3() REQUIRES(mutex_);

  Mutex mutex_;
  std::optional<Document> v2_json_ GUARDED_BY(mutex_);
  std::optional<Document> v2_protobuf_ GUARDED_BY(mutex_);
  std::map<std::string, Document, std::less<>> v3_ GUARDED_BY(mutex_);  // By key.
};

}  // namespace skiff
