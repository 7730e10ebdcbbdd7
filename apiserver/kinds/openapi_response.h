// /openapi/v2 and /openapi/v3: made when somebody first asks, kept packed.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "api/registry.h"
#include "apiserver/aggregation/remote_discovery.h"
#include "base/error.h"
#include "base/mutex.h"
#include "http/message.h"

namespace skiff {

// Thread-safe.
class OpenApiDocuments {
 public:
  // Keys of documents of version 3, and their hashes.
  using Hashes = std::vector<std::pair<std::string, std::string>>;
  // What other servers have: documents of version 3 that the index names, and, where that is asked
  // for, parts of the one of version 2.
  struct Others {
    Hashes v3 = {};
    std::vector<PackedDocumentPtr> v2 = {};
  };
  // Of these kinds; nullopt for a path that is not one of theirs.
  std::optional<http::Response> Answer(const KindSet& kinds, const http::Request& request,
                                       const Others& others);

 private:
  struct Document {
    std::string packed;  // gzip
    std::string hash;    // SHA-512 of the text, upper case hex.
    // gzip of one of version 3 as a message; "" until somebody asks for it.
    std::string protobuf = {};
    // Of the kinds in it that were made at run time, in order: whether it is made of these kinds.
    std::vector<uint64_t> serials = {};
    std::vector<std::string> others = {};  // The hashes of what others have in it.
  };
  using Documents = std::map<std::string, Document, std::less<>>;
  using OtherDocuments = std::vector<PackedDocumentPtr>;
  http::Response AnswerV2(const KindSet& kinds, const http::Request& request,
                          const OtherDocuments& others);
  http::Response AnswerV3(const KindSet& kinds, const http::Request& request,
                          std::string_view key);
  const Document& V2(const KindSet& kinds, bool protobuf, const OtherDocuments& others)
      REQUIRES(mutex_);
  Documents& V3(const KindSet& kinds) REQUIRES(mutex_);

  Mutex mutex_;
  Document v2_json_ GUARDED_BY(mutex_);
  Document v2_protobuf_ GUARDED_BY(mutex_);
  Documents v3_ GUARDED_BY(mutex_);  // By key.
  // Of all kinds that v3_ is made of.
  std::vector<uint64_t> v3_serials_ GUARDED_BY(mutex_);
};

}  // namespace skiff
