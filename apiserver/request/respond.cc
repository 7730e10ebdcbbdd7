#include "apiserver/request/respond.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>

#include "api/codec/decode.h"
#include "api/codec/protobuf.h"
#include "api/gen/meta_v1.h"
#include "api/text/utf8.h"
#include "api/text/yaml.h"
#include "apiserver/request/api_errors.h"
#include "base/gzip.h"
#include "http/accept.h"

namespace skiff {
namespace {

int UsualCode(Reason reason) {
  switch (reason) {
    case Reason::kUnknown:
      return 500;
    case Reason::kUnauthorized:
      return 401;
    case Reason::kForbidden:
      return 403;
    case Reason::kNotFound:
      return 404;
    case Reason::kAlreadyExists:
      return 409;
    case Reason::kConflict:
      return 409;
    case Reason::kGone:
      return 410;
    case Reason::kInvalid:
      return 422;
    case Reason::kServerTimeout:
      return 500;
    case Reason::kStorageReadError:
      return 500;
    case Reason::kTimeout:
      return 504;
    case Reason::kTooManyRequests:
      return 429;
    case Reason::kBadRequest:
      return 400;
    case Reason::kMethodNotAllowed:
      return 405;
    case Reason::kNotAcceptable:
      return 406;
    case Reason::kRequestEntityTooLarge:
      return 413;
    case Reason::kUnsupportedMediaType:
      return 415;
    case Reason::kInternalError:
      return 500;
    case Reason::kExpired:
      return 410;
    case Reason::kServiceUnavailable:
      return 503;
  }
  return 500;
}

void SetUnlessEmpty(Json& document, const char* name, const std::string& value) {
  if (!value.empty()) document[name] = value;
}

Json DetailsOf(const Error& error) {
  Json details = Json::object();
  const ErrorDetails given = error.details.value_or(ErrorDetails{});
  SetUnlessEmpty(details, "name", given.name);
  SetUnlessEmpty(details, "group", given.group);
  SetUnlessEmpty(details, "kind", given.kind);
  SetUnlessEmpty(details, "uid", given.uid);
  if (!error.causes.empty()) {
    Json causes = Json::array();
    for (const Cause& cause : error.causes) {
      Json item = Json::object();
      SetUnlessEmpty(item, "reason", cause.reason);
      SetUnlessEmpty(item, "message", cause.message);
      SetUnlessEmpty(item, "field", cause.field);
      causes.push_back(std::move(item));
    }
    details["causes"] = std::move(causes);
  }
  if (given.retry_after_s > 0) details["retryAfterSeconds"] = given.retry_after_s;
  return details;
}

constexpr const char* kControlCharacters = "yaml: control characters are not allowed";

// DEL, and what Unicode calls control or no character. JSON escapes those below a blank.
bool HasYamlControl(std::string_view json) {
  for (size_t i = 0; i < json.size(); ++i) {
    const auto byte = static_cast<unsigned char>(json[i]);
    if (byte == 0x7f) return true;
    const auto next = [&](size_t offset) {
      return i + offset < json.size() ? static_cast<unsigned char>(json[i + offset]) : 0;
    };
    // U+0080 to U+009F but the line break U+0085.
    if (byte == 0xc2 && next(1) < 0xa0 && next(1) != 0x85) return true;
    // The byte order mark, U+FFFE and U+FFFF.
    if (byte == 0xef && next(1) == 0xbb && next(2) == 0xbf) return true;
    if (byte == 0xef && next(1) == 0xbf && next(2) >= 0xbe) return true;
  }
  return false;
}

// Behind the string that begins there.
size_t EndOfString(std::string_view json, size_t begin) {
  size_t at = begin + 1;
  while (at < json.size() && json[at] != '"') at += json[at] == '\\' ? 2 : 1;
  return std::min(at + 1, json.size());
}

// What of a text is no UTF-8, in the words of Go's YAML.
const char* Utf8Fault(std::string_view text) {
  while (const size_t length = Utf8SequenceLength(text)) text.remove_prefix(length);
  if (text.empty()) return nullptr;
  const auto byte = static_cast<unsigned char>(text[0]);
  return byte < 0xc0 || byte >= 0xf8 ? "yaml: invalid leading UTF-8 octet"
                                     : "yaml: invalid trailing UTF-8 octet";
}

// Members in the order in which Go writes them. Bytes of a request that are no UTF-8 may be in it.
std::string InOrder(const Type& type, const Json& document) {
  std::string text = EncodeDocument(type, document);
  if (Utf8Fault(text) == nullptr) return text;
  return EncodeDocument(type, Json::parse(Dump(document)));
}

// The same JSON, but with numbers beyond all range as texts: so Go's YAML reads them.
std::string HugeNumbersQuoted(std::string_view json) {
  std::string out;
  for (size_t i = 0; i < json.size();) {
    size_t end = i + 1;
    if (json[i] == '"') {
      end = EndOfString(json, i);
    } else if (json[i] == '-' || (json[i] >= '0' && json[i] <= '9')) {
      end = std::min(json.find_first_not_of("0123456789+-.eE", i), json.size());
    }
    const std::string part(json.substr(i, end - i));
    const bool is_number = json[i] == '-' || (json[i] >= '0' && json[i] <= '9');
    const bool is_huge = is_number && std::isinf(std::strtod(part.c_str(), nullptr));
    out += is_huge ? '"' + part + '"' : part;
    i = end;
  }
  return out;
}

http::Response StatusResponse(int code, const Json& status, const MediaType& media) {
  if (media.encoding == Encoding::kProtobuf) {
    return ProtobufResponse(code,
                            EncodeProtobuf(meta_v1::Status::Describe(), {"v1", "Status"}, status));
  }
  return DocumentResponse(code, InOrder(meta_v1::Status::Describe(), status), media);
}

}  // namespace

Result<Json> ReadForYaml(const std::string& text) {
  // Kubernetes makes YAML of the JSON text by reading that as YAML, which allows fewer characters.
  if (HasYamlControl(text)) return Fail(PlainError(kControlCharacters));
  Json document = Json::parse(text, nullptr, false);
  if (!document.is_discarded()) return document;
  if (const char* fault = Utf8Fault(text)) return Fail(PlainError(fault));
  document = Json::parse(HugeNumbersQuoted(text), nullptr, false);
  if (document.is_discarded()) return Fail(PlainError("yaml: the object is no JSON"));
  return document;
}

http::Response ProtobufResponse(int code, std::string bytes) {
  http::Response response;
  response.status = code;
  response.content_type = std::string(ContentTypeOf(Encoding::kProtobuf));
  response.body = std::move(bytes);
  return response;
}

http::Response TypedResponse(int code, const TypedDocument& typed, const MediaType& media) {
  if (media.encoding != Encoding::kProtobuf) {
    return DocumentResponse(code, InOrder(typed.type, typed.document), media);
  }
  return ProtobufResponse(
      code, EncodeProtobuf(typed.type, {std::string(typed.api_version), std::string(typed.kind)},
                           typed.document));
}

std::string Dump(const Json& document) {
  return document.dump(-1, ' ', false, Json::error_handler_t::replace);
}

int HttpCodeOf(const Error& error) {
  return error.http_code != 0 ? error.http_code : UsualCode(error.reason);
}

Json StatusDocument(const Error& error) {
  Json status = {{"kind", "Status"},
                 {"apiVersion", "v1"},
                 {"metadata", Json::object()},
                 {"status", "Failure"},
                 {"code", HttpCodeOf(error)}};
  if (!error.continue_token.empty()) status["metadata"]["continue"] = error.continue_token;
  SetUnlessEmpty(status, "message", error.message);
  SetUnlessEmpty(status, "reason", std::string(ReasonText(error.reason)));
  if (error.details || !error.causes.empty()) status["details"] = DetailsOf(error);
  return status;
}

std::string StatusText(const Error& error) {
  return InOrder(meta_v1::Status::Describe(), StatusDocument(error));
}

http::Response ErrorResponse(const http::Request& request, const Error& error) {
  const auto media = NegotiateStatus(request);
  MediaType plain{.pretty = true};
  if (media) plain = *media;
  http::Response response = StatusResponse(HttpCodeOf(error), StatusDocument(error), plain);
  if (error.details && error.details->retry_after_s > 0) {
    response.SetHeader("Retry-After", std::to_string(error.details->retry_after_s));
  }
  return response;
}

http::Response RefusalResponse(const http::Request& request, const Json& status) {
  const auto media = NegotiateStatus(request).value_or(MediaType{.pretty = true});
  return StatusResponse(status.value("code", 400), status, media);
}

http::Response SuccessResponse(const http::Request& request, int code, const Json& details) {
  Json status = {{"kind", "Status"},
                 {"apiVersion", "v1"},
                 {"metadata", Json::object()},
                 {"status", "Success"}};
  if (!details.is_null()) status["details"] = details;
  // Only an answer other than 200 repeats its code.
  if (code != 200) status["code"] = code;
  const auto media = NegotiateStatus(request).value_or(MediaType{.pretty = true});
  return StatusResponse(code, status, media);
}

http::Response TextResponse(int code, std::string text) {
  http::Response response;
  response.status = code;
  response.content_type = "text/plain; charset=utf-8";
  response.SetHeader("X-Content-Type-Options", "nosniff");
  response.body = std::move(text);
  return response;
}

http::Response DocumentResponse(int code, std::string text, const MediaType& media) {
  http::Response response;
  response.status = code;
  response.content_type = std::string(ContentTypeOf(media.encoding));
  if (media.encoding == Encoding::kYaml) {
    const auto document = ReadForYaml(text);
    if (!document) return StatusResponse(500, StatusDocument(document.error()), media);
    response.body = DumpYaml(*document);
  } else if (media.pretty) {
    response.body = IndentJson(text);
  } else {
    response.body = std::move(text);
    response.body += "\n";
  }
  return response;
}

std::string IndentJson(std::string_view text) {
  std::string out;
  out.reserve(text.size() + text.size() / 4);
  JsonIndenter().Write(text, out);
  return out;
}

void JsonIndenter::BreakLine(std::string& out) {
  if (out.size() >= out_bytes_max_) return;
  out += '\n';
  out.append(static_cast<size_t>(depth_) * 2, ' ');
}

void JsonIndenter::Open(std::string& out) {
  opened_ = false;
  ++depth_;
  BreakLine(out);
}

void JsonIndenter::Write(std::string_view text, std::string& out) {
  // Indentation may make the square of a text that nests deeply: past this, lines are not broken.
  out_bytes_max_ = out.size() + (size_t{8} << 20) + 2 * text.size();
  for (size_t i = 0; i < text.size();) {
    const char c = text[i];
    const bool closes = c == '}' || c == ']';
    const size_t end = c == '"' ? EndOfString(text, i) : i + 1;
    if (opened_ && !closes) Open(out);
    if (closes && !opened_) {
      --depth_;
      BreakLine(out);
    }
    out.append(text, i, end - i);
    opened_ = c == '{' || c == '[';
    if (c == ',') BreakLine(out);
    if (c == ':') out += ' ';
    i = end;
  }
}

bool AcceptsGzip(const http::Request& request) {
  const auto accepted = http::SplitHeader(request.Header("Accept-Encoding"), ',');
  return std::ranges::count(accepted, "gzip") > 0;
}

void CompressIfAsked(const http::Request& request, http::Response& response) {
  if (response.stream || response.upgrade || response.body.size() <= kGzipBytesMin) return;
  if (response.headers.contains("Content-Encoding") || !AcceptsGzip(request)) return;
  std::string packed = Gzip(response.body);
  if (packed.empty()) return;
  response.body = std::move(packed);
  response.SetHeader("Content-Encoding", "gzip");
  response.SetHeader("Vary", "Accept-Encoding");
}

}  // namespace skiff
