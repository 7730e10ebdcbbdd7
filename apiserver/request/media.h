// Which form of an answer a client gets: Accept header -> encoding and conversion.
//
//   Accept: application/json;as=Table;v=v1;g=meta.k8s.io,application/json
//     -> JSON, as a Table of meta.k8s.io/v1 where a Table is on offer, else JSON as it is
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "http/message.h"

namespace skiff {

enum class Encoding : uint8_t { kJson, kYaml, kProtobuf };
std::string_view ContentTypeOf(Encoding encoding);

// What the object is turned into before it is encoded.
enum class Target : uint8_t {
  kObject,
  kTable,
  kPartialMetadata,
  kPartialMetadataList,
  kDiscovery,  // APIGroupDiscoveryList
};

struct MediaType {
  Encoding encoding = Encoding::kJson;
  Target target = Target::kObject;
  std::string target_version;  // "v1", "v1beta1"
  bool pretty = false;

  // JSON of the object itself, as compact as it is stored.
  bool IsPlain() const {
    return encoding == Encoding::kJson && target == Target::kObject && !pretty;
  }
};

// What an endpoint can produce.
struct MediaOffer {
  bool yaml = true;
  bool protobuf = true;  // Of a built-in kind: named as acceptable.
  // false: this answer has no protobuf form, although it is named as acceptable.
  bool encodes_protobuf = true;
  // What has a protobuf form is its metadata alone: custom resources.
  bool protobuf_metadata_alone = false;
  bool metadata = true;  // Tables and PartialObjectMetadata.
  bool table = true;
  // APIGroupDiscoveryList, where any clause asks for it, whatever is wanted more.
  bool discovery = false;
  // The router looks before; of the lists of groups, and of a group, it has none but core's.
  bool routed = true;
  // The router lets text/plain pass, although nothing is encoded so: logs.
  bool plain_text = false;
  bool list = false;   // The route serves lists, and so watches too, which its refusal names.
  bool watch = false;  // This answer is a watch: never YAML, although the route lets it pass.
};

// NotAcceptable when no clause of the Accept header fits.
Result<MediaType> Negotiate(const http::Request& request, const MediaOffer& offer);

// What the router says of a page that has one form, whatever its parameters. `takes_json`: a body
// that is something else is refused, even where none is read.
Result<> NegotiatePage(const http::Request& request, std::string_view type, bool takes_json);

// How an error or another Status is encoded: plain types only; nullopt when nothing fits, and then
// the Status goes out as indented JSON.
std::optional<MediaType> NegotiateStatus(const http::Request& request);

// A media type cut at ';', in lower case, without blanks.
std::string BareMediaType(std::string_view header);
// The same of a body that is an object; the whole header, which is no type, where what stands
// behind the type are no parameters.
std::string BodyMediaType(std::string_view header);

// Whether the client asked for indented JSON: ?pretty, or a browser or curl.
bool WantsPretty(const http::Request& request);

}  // namespace skiff
