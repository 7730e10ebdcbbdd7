// /openapi/v2 and /openapi/v3: made when somebody first asks, kept packed. Who asks for what there
// is does not wait for what is being made.
#pragma once

#include <map>
#include <memory>
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

// Of what other servers have, so much is in the document of version 2; what is more is left out.
inline constexpr size_t kOthersValuesMax = 2 * kRemoteValuesMax;
inline constexpr size_t kOthersBytesMax = size_t{16} << 20;

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
    std::string hash;    // DocumentHash of the text.
    // Of the kinds in it that were made at run time, in order: whether it is made of these kinds.
    std::vector<uint64_t> serials = {};
    std::vector<std::string> others = {};  // The hashes of what others have in it.
  };
  using DocumentPtr = std::shared_ptr<const Document>;
  // All of version 3.
  struct Documents {
    std::map<std::string, DocumentPtr, std::less<>> by_key;
    std::vector<uint64_t> serials;  // Of all kinds that were made at run time.
  };
  using DocumentsPtr = std::shared_ptr<const Documents>;
  // One of those as a message.
  struct Message {
    DocumentPtr of;
    std::shared_ptr<const std::string> packed;  // gzip
  };
  using OtherDocuments = std::vector<PackedDocumentPtr>;
  http::Response AnswerIndex(const KindSet& kinds, const http::Request& request,
                             const Hashes& others);
  http::Response AnswerV2(const KindSet& kinds, const http::Request& request,
                          const OtherDocuments& others);
  http::Response AnswerV3(const KindSet& kinds, const http::Request& request,
                          std::string_view key);
  DocumentPtr V2(const KindSet& kinds, bool protobuf, const OtherDocuments& others);
  DocumentsPtr V3(const KindSet& kinds);
  // Null: there is no such document.
  DocumentPtr V3Of(const KindSet& kinds, std::string_view key);
  std::shared_ptr<const std::string> MessageOf(const KindSet& kinds, std::string_view key,
                                               const DocumentPtr& document);
  // The one that is kept; null: none.
  DocumentPtr KeptV2(bool protobuf);
  DocumentsPtr KeptV3();
  std::shared_ptr<const std::string> KeptMessage(std::string_view key,
                                                 const DocumentPtr& document);

  Mutex making_;  // While something is made, one after the other; before mutex_.
  Mutex mutex_;
  DocumentPtr v2_json_ GUARDED_BY(mutex_);
  DocumentPtr v2_protobuf_ GUARDED_BY(mutex_);
  DocumentsPtr v3_ GUARDED_BY(mutex_);
  std::map<std::string, Message, std::less<>> messages_ GUARDED_BY(mutex_);  // By key.
};

}  // namespace skiff
