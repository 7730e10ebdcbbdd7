#include "apiserver/request/list_options.h"

#include <algorithm>
#include <charconv>

#include "api/codec/json.h"
#include "api/text/utf8.h"
#include "api/violations.h"
#include "apiserver/request/api_errors.h"
#include "apiserver/request/request_info.h"
#include "base/hash.h"

namespace skiff {
namespace {

constexpr std::string_view kTokenVersion = "meta.k8s.io/v1";

std::string ValueOf(const http::Request& request, std::string_view name) {
  return std::string(request.Query(name).value_or(""));
}

// Whether all parts of a key are names, which may have dots in them; a slash may stand in front.
bool IsCleanKey(std::string_view key) {
  if (key.starts_with('/')) key.remove_prefix(1);
  while (!key.empty()) {
    const size_t end = std::min(key.find('/'), key.size());
    const std::string_view part = key.substr(0, end);
    if (part.empty() || part == "." || part == ".." || end + 1 == key.size()) return false;
    key.remove_prefix(std::min(end + 1, key.size()));
  }
  return true;
}

constexpr const char* kNotWithContinue =
    "resourceVersionMatch is forbidden when continue is provided";

void CheckList(const ListQuery& options, std::string_view match, Violations& wrong) {
  const FieldPath path("resourceVersionMatch");
  if (!match.empty()) {
    if (options.resource_version.empty()) {
      wrong.Forbidden(path, "resourceVersionMatch is forbidden unless resourceVersion is provided");
    }
    if (!options.continue_token.empty()) wrong.Forbidden(path, kNotWithContinue);
    if (match != "NotOlderThan" && match != "Exact") {
      wrong.NotSupported(path, std::string(match), {"Exact", "NotOlderThan", ""});
    }
    if (match == "Exact" && options.resource_version == "0") {
      wrong.Forbidden(path,
                      "resourceVersionMatch \"exact\" is forbidden for resourceVersion \"0\"");
    }
  }
  if (options.send_initial_events) {
    wrong.Forbidden(FieldPath("sendInitialEvents"), "sendInitialEvents is forbidden for list");
  }
}

void CheckWatch(const ListQuery& options, std::string_view match, Violations& wrong) {
  const FieldPath path("resourceVersionMatch");
  if (options.send_initial_events && match != "NotOlderThan") {
    wrong.Forbidden(path,
                    "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan");
  }
  if (!match.empty() && !options.send_initial_events) {
    wrong.Forbidden(path,
                    "resourceVersionMatch is forbidden for watch unless sendInitialEvents is "
                    "provided");
  }
  if (!match.empty() && match != "NotOlderThan") {
    wrong.NotSupported(path, std::string(match), {"NotOlderThan"});
  }
  // One that begins with what there is now is as one that asks for that.
  const std::string& version = options.resource_version;
  const bool matches =
      !match.empty() || (!options.send_initial_events && (version.empty() || version == "0"));
  if (matches && !options.continue_token.empty()) wrong.Forbidden(path, kNotWithContinue);
}

Result<> CheckVersionMatch(const ListQuery& options, std::string_view match, bool is_watch) {
  Violations wrong;
  is_watch ? CheckWatch(options, match, wrong) : CheckList(options, match, wrong);
  if (wrong.empty()) return {};
  return Fail(wrong.ToError("meta.k8s.io", "ListOptions", ""));
}

}  // namespace

Result<int64_t> ParseIntQuery(std::string_view text) {
  int64_t value = 0;
  std::string_view digits = text;
  if (digits.starts_with('+')) digits.remove_prefix(1);
  const auto [end, code] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (code == std::errc::result_out_of_range) {
    return Fail(Reason::kBadRequest,
                "strconv.ParseInt: parsing " + Quoted(text) + ": value out of range");
  }
  if (code != std::errc() || end != digits.data() + digits.size()) {
    return Fail(Reason::kBadRequest,
                "strconv.ParseInt: parsing " + Quoted(text) + ": invalid syntax");
  }
  return value;
}

Result<uint64_t> ParseResourceVersion(std::string_view text) {
  if (text.empty()) return 0;
  uint64_t value = 0;
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (code == std::errc::result_out_of_range) {
    return Fail(PlainError("strconv.ParseUint: parsing " + Quoted(text) + ": value out of range"));
  }
  if (code != std::errc() || end != text.data() + text.size()) {
    return Fail(PlainError("strconv.ParseUint: parsing " + Quoted(text) + ": invalid syntax"));
  }
  return value;
}

Result<ListQuery> ParseListOptions(const http::Request& request, const KindInfo& kind,
                                   bool is_watch) {
  ListQuery options;
  options.resource_version = ValueOf(request, "resourceVersion");
  options.continue_token = ValueOf(request, "continue");
  if (const auto text = request.Query("limit")) {
    options.limit = TRY(ParseIntQuery(*text));
  }
  if (const auto text = request.Query("timeoutSeconds")) {
    options.timeout_seconds = TRY(ParseIntQuery(*text));
  }
  if (const auto text = request.Query("allowWatchBookmarks")) {
    options.allow_bookmarks = QueryIsTrue(*text);
  }
  if (const auto text = request.Query("sendInitialEvents")) {
    options.send_initial_events = QueryIsTrue(*text);
  }
  options.labels = TRY(LabelSelector::Parse(ValueOf(request, "labelSelector")));
  const FieldSelector fields = TRY(FieldSelector::Parse(ValueOf(request, "fieldSelector")));
  options.fields = TRY(fields.For(kind));
  const std::string match = ValueOf(request, "resourceVersionMatch");
  TRY(CheckVersionMatch(options, match, is_watch));
  if (match == "Exact") options.match = VersionMatch::kExact;
  if (match == "NotOlderThan") options.match = VersionMatch::kNotOlderThan;
  return options;
}

Revision ExactRevision(const ListQuery& options) {
  if (!options.continue_token.empty()) {
    const auto token = DecodeContinue(options.continue_token);
    return Revision{token && token->revision > 0 ? static_cast<uint64_t>(token->revision) : 0};
  }
  const bool exact = options.match == VersionMatch::kExact ||
                     (options.match == VersionMatch::kUnset && options.limit > 0);
  return Revision{exact ? ParseResourceVersion(options.resource_version).value_or(0) : 0};
}

std::string EncodeContinue(const ContinueToken& token) {
  const std::string start = token.start + '\0';
  const std::string text = MendUtf8(start);
  Json document = {{"v", kTokenVersion}, {"rv", token.revision}, {"start", text}};
  // kube-apiserver, which has no such fields, passes over them.
  if (token.left) document["left"] = *token.left;
  // Of a name that is no text, as kube-apiserver keeps it in the same etcd.
  if (text != start) document["bytes"] = Base64Url(start);
  return Base64Url(document.dump());
}

namespace {

std::string GoKindOf(const Json& value) {
  const std::string text = DumpJson(value);
  JsonReader in(text);
  return std::string(GoJsonKind(in.Next()));
}

// What Go says of a token that is JSON, but not of the struct that it reads it into; "" where it
// is.
std::string MisfitToken(const Json& token) {
  if (token.is_null()) return "";
  if (!token.is_object()) {
    return "json: cannot unmarshal " + GoKindOf(token) +
           " into Go value of type storage.continueToken";
  }
  for (const std::string name : {"v", "rv", "start"}) {
    const Json value = token.value(name, Json());
    const bool is_revision = name == "rv";
    const bool fits = is_revision ? value.is_number_integer() : value.is_string();
    if (fits || value.is_null()) continue;
    std::string given = GoKindOf(value);
    if (is_revision && value.is_number()) given += " " + DumpJson(value);
    return "json: cannot unmarshal " + given + " into Go struct field continueToken." + name +
           " of type " + (is_revision ? "int64" : "string");
  }
  return "";
}

}  // namespace

Result<ContinueToken> DecodeContinue(std::string_view text) {
  const auto invalid = [](std::string_view why) {
    return Fail(Reason::kBadRequest,
                "invalid continue token: continue key is not valid: " + std::string(why));
  };
  const auto bytes = FromBase64Url(text);
  if (!bytes) {
    size_t at = 0;
    while (at < text.size() && (std::isalnum(static_cast<unsigned char>(text[at])) ||
                                text[at] == '-' || text[at] == '_')) {
      ++at;
    }
    // One letter that no others follow is told by where it stands.
    if (at == text.size() && at % 4 == 1) --at;
    return invalid("illegal base64 data at input byte " + std::to_string(at));
  }
  auto parsed = ParseJson(*bytes);
  if (!parsed) return invalid(parsed.error().message);
  if (const std::string why = MisfitToken(*parsed); !why.empty()) return invalid(why);
  const Json document = parsed->is_object() ? std::move(*parsed) : Json::object();
  const Json version = document.value("v", Json());
  if (version != kTokenVersion) {
    return invalid("server does not recognize this encoded version " +
                   (version.is_string() ? version.get<std::string>() : ""));
  }
  ContinueToken token;
  const Json revision = document.value("rv", Json());
  token.revision = revision.is_number_integer() ? revision.get<int64_t>() : 0;
  if (token.revision == 0) {
    return invalid("incorrect encoded start resourceVersion (version meta.k8s.io/v1)");
  }
  const Json start = document.value("start", Json());
  token.start = start.is_string() ? start.get<std::string>() : "";
  if (const Json bytes = document.value("bytes", Json()); bytes.is_string()) {
    token.start = FromBase64Url(bytes.get<std::string>()).value_or("");
  }
  if (token.start.empty()) {
    return invalid("encoded start key empty (version meta.k8s.io/v1)");
  }
  if (!IsCleanKey(token.start)) return invalid(MendUtf8(token.start));
  if (token.start.starts_with('/')) token.start.erase(0, 1);
  if (token.start.ends_with('\0')) token.start.pop_back();
  const Json left = document.value("left", Json());
  if (token.revision > 0 && left.is_number_integer() && left.get<int64_t>() >= 0) {
    token.left = left.get<int64_t>();
  }
  return token;
}

}  // namespace skiff
