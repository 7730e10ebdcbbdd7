// Results become answers here, and only here: HTTP codes, metav1.Status bodies, encodings.
#pragma once

#include <string>
#include <string_view>

#include "api/type.h"
#include "api/values.h"
#include "apiserver/request/media.h"
#include "base/error.h"
#include "http/message.h"

namespace skiff {

int HttpCodeOf(const Error& error);

// A metav1.Status as a document, and as JSON text in the field order of the API.
Json StatusDocument(const Error& error);
std::string StatusText(const Error& error);

// The answer of a metav1.Status as it was given; its reason may be any word.
http::Response RefusalResponse(const http::Request& request, const Json& status);
// The answer to a request that failed.
http::Response ErrorResponse(const http::Request& request, const Error& error);

// What a Success status names: `details` may be null.
http::Response SuccessResponse(const http::Request& request, int code, const Json& details);

// text/plain, as health checks and the router's own refusals are sent.
http::Response TextResponse(int code, std::string text);

// JSON text of one document (compact) in the encoding asked for: `media.pretty` indents, YAML is
// made from it. Not for protobuf. `text` ends without a line break.
http::Response DocumentResponse(int code, std::string text, const MediaType& media);

// A document of a type that may also go out as protobuf.
struct TypedDocument {
  const Type& type;
  std::string_view api_version;
  std::string_view kind;
  const Json& document;
};
http::Response TypedResponse(int code, const TypedDocument& typed, const MediaType& media);
// Bytes that are protobuf already.
http::Response ProtobufResponse(int code, std::string bytes);

// The document of a JSON text, for YAML to be made of it. What a client or another program put down
// as raw JSON may be no UTF-8, and may hold any number; fails with what Go's YAML says of it.
Result<Json> ReadForYaml(const std::string& text);

// Compact JSON text, in pieces that end between tokens, -> the same indented by two blanks.
class JsonIndenter {
 public:
  void Write(std::string_view text, std::string& out);

 private:
  void Open(std::string& out);
  void BreakLine(std::string& out);
  int depth_ = 0;
  bool opened_ = false;  // Behind a bracket, and what follows may close it.
  size_t out_bytes_max_ = 0;
};
// All at once.
std::string IndentJson(std::string_view text);

// JSON text; invalid UTF-8 is replaced.
std::string Dump(const Json& document);

// Smaller bodies are not worth the work; kube-apiserver's bound.
inline constexpr size_t kGzipBytesMin = 128 * 1024;
bool AcceptsGzip(const http::Request& request);

// Compresses a large body when the client takes gzip.
void CompressIfAsked(const http::Request& request, http::Response& response);

}  // namespace skiff
