// /openapi/v2 and /openapi/v3: made when somebody first asks, kept packed.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "api/registry.h"
#include "base/error.h"
#include "base/mutex.h"
#include "http/message.h"

namespace skiff {

// Thread-safe.
class OpenApiDocuments {
 public:
  // Keys of documents of version 3, and their hashes.
  using Hashes = std::vector<std::pair<std::string, std::string>>;
  // Of these kinds; nullopt for a path that is not one of theirs. `others` are documents that the
  // index names, and that are somebody else's.
  std::optional<http::Response> Answer(const KindSet& kinds, const http::Request& request,
                                       Hashes others = {});

 private:
  struct Document {
    std::string packed;  // gzip
    std::string hash;    // SHA-512 of the text, upper case hex.
    std::string protobuf;  // gzip of the same as a message; "" until somebody asks for it.
    // Of the kinds in it that were made at run time, in order: whether it is made of these kinds.
    std::vector<uint64_t> serials;
  };
  using Documents = std::map<std::string, Document, std::less<>>;
  http::Response AnswerV2(const KindSet& kinds, const http::Request& request);
  http::Response AnswerV3(const KindSet& kinds, const http::Request& request,
                          std::string_view key);
  const Document& V2(const KindSet& kinds, bool protobuf) REQUIRES(mutex_);
  Documents& V3(const KindSet& kinds) REQUIRES(mutex_);

  Mutex mutex_;
  Document v2_json_ GUARDED_BY(mutex_);
  Document v2_protobuf_ GUARDED_BY(mutex_);
  Documents v3_ GUARDED_BY(mutex_);  // By key.
  // Of all kinds that v3_ is made of.
  std::vector<uint64_t> v3_serials_ GUARDED_BY(mutex_);
};

}  // namespace skiff
