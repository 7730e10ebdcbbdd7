#include "apiserver/request/media.h"

#include <algorithm>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>

#include "api/text/go_text.h"
#include "base/text.h"
#include "http/accept.h"

namespace skiff {
namespace {

// What the parts of this process ask for with each of their writes. It is on offer everywhere, and
// asks for no conversion.
bool IsJsonAlone(std::string_view header) {
  return header == ContentTypeOf(Encoding::kJson);
}

constexpr const char* kNotAcceptable = "406: Not Acceptable\n\nAvailable representations: ";

// The parameters that name what is asked for in place of the object.
const std::set<std::string_view> kConversion = {"as", "g", "v"};

// Whether the clause's conversion is on offer in that encoding; fills the answer.
bool AcceptTarget(const http::AcceptClause& clause, const MediaOffer& offer, MediaType& media) {
  media.pretty = clause.Parameter("pretty") == "1";
  const std::string_view stream = clause.Parameter("stream");
  const bool streams = stream == "watch" && media.encoding != Encoding::kYaml;
  if (!stream.empty() && !streams) return false;
  const std::string_view server_version = clause.Parameter("sv");
  if (!server_version.empty() && server_version != "v1") return false;
  // Who names only a group or a version asks for a kind without a name.
  const bool converts = std::ranges::any_of(
      clause.parameters, [](const auto& each) { return kConversion.contains(each.first); });
  if (!converts) return !offer.discovery;
  const std::string_view as = clause.Parameter("as");
  const std::string_view group = clause.Parameter("g");
  media.target_version = clause.Parameter("v");
  if (offer.discovery) {
    media.target = Target::kDiscovery;
    return as == "APIGroupDiscoveryList" && group == "apidiscovery.k8s.io" &&
           media.target_version == "v2";
  }
  if (!offer.metadata || group != "meta.k8s.io") return false;
  if (media.target_version != "v1" && media.target_version != "v1beta1") return false;
  if (as == "Table") {
    media.target = Target::kTable;
    return offer.table && media.encoding != Encoding::kProtobuf;
  }
  if (as == "PartialObjectMetadata") {
    media.target = Target::kPartialMetadata;
    return true;
  }
  media.target = Target::kPartialMetadataList;
  return as == "PartialObjectMetadataList";
}

std::vector<Encoding> Offered(const MediaOffer& offer) {
  std::vector<Encoding> encodings = {Encoding::kJson};
  if (offer.yaml) encodings.push_back(Encoding::kYaml);
  if (offer.protobuf) encodings.push_back(Encoding::kProtobuf);
  return encodings;
}

std::optional<MediaType> Match(std::string_view header, const MediaOffer& offer) {
  for (const http::AcceptClause& clause : http::ParseAccept(header)) {
    for (const Encoding encoding : Offered(offer)) {
      if (encoding == Encoding::kProtobuf && !offer.encodes_protobuf) continue;
      if (!clause.Matches(ContentTypeOf(encoding))) continue;
      MediaType media{.encoding = encoding};
      if (!AcceptTarget(clause, offer, media)) continue;
      const bool whole = media.target == Target::kObject && encoding == Encoding::kProtobuf;
      if (!whole || !offer.protobuf_metadata_alone) return media;
    }
  }
  return std::nullopt;
}

std::string Join(const MediaOffer& offer, std::string_view suffix) {
  std::string list;
  for (const Encoding encoding : Offered(offer)) {
    if (encoding == Encoding::kYaml && !suffix.empty()) continue;
    if (!list.empty()) list += ", ";
    list.append(ContentTypeOf(encoding)).append(suffix);
  }
  return list;
}

// The types that a header names, cut at ';'. As the router reads it: blanks are spaces alone.
bool NamesType(std::string_view header, const std::function<bool(std::string_view)>& is_wanted) {
  for (;;) {
    const size_t end = header.find(',');
    std::string_view type = header.substr(0, end);
    type = type.substr(0, type.find(';'));
    type.remove_prefix(std::min(type.find_first_not_of(' '), type.size()));
    type = type.substr(0, type.find_last_not_of(' ') + 1);
    if (is_wanted(type)) return true;
    if (end == header.npos || end + 1 == header.size()) return false;
    header.remove_prefix(end + 1);
  }
}

// The router looks first: it knows no wildcards but */* and no parameters, and heeds case.
bool RouterAccepts(std::string_view header, const MediaOffer& offer) {
  const std::vector<Encoding> encodings = Offered(offer);
  return NamesType(header, [&](std::string_view media) {
    return media == "*/*" || (offer.plain_text && media == "text/plain") ||
           std::ranges::any_of(encodings,
                               [&](Encoding each) { return media == ContentTypeOf(each); });
  });
}

Error RefusedByRouter(Reason reason, std::string message) {
  Error error{reason, std::move(message)};
  error.details.emplace();
  return error;
}

}  // namespace

std::string_view ContentTypeOf(Encoding encoding) {
  switch (encoding) {
    case Encoding::kJson:
      return "application/json";
    case Encoding::kYaml:
      return "application/yaml";
    case Encoding::kProtobuf:
      return "application/vnd.kubernetes.protobuf";
  }
  return "";
}

std::string BareMediaType(std::string_view header) {
  return Lower(http::SplitHeader(header, ';')[0]);
}

namespace {

// What is left behind a token of RFC 2045, as long as it can be.
std::string_view BehindToken(std::string_view text) {
  constexpr std::string_view kSpecial = "()<>@,;:\\\"/[]?=";
  size_t end = 0;
  while (end < text.size() && text[end] > ' ' && text[end] < 0x7f &&
         kSpecial.find(text[end]) == std::string_view::npos) {
    ++end;
  }
  return text.substr(end);
}

// The same of a text in quotes, which goes to `out`; nothing where it does not end.
std::optional<std::string_view> BehindQuoted(std::string_view text, std::string& out) {
  for (size_t i = 1; i < text.size(); ++i) {
    if (text[i] == '"') return text.substr(i + 1);
    if (text[i] == '\r' || text[i] == '\n') return std::nullopt;
    if (text[i] == '\\') ++i;
    if (i < text.size()) out += text[i];
  }
  return std::nullopt;
}

std::string_view WithoutSpaces(std::string_view text) {
  return text.substr(std::min(text.find_first_not_of(" \t\r\n\v\f"), text.size()));
}

// Whether all behind the type are parameters, each a name and a value, and none has two values. A
// ";" may be the last.
bool AreParameters(std::string_view rest) {
  std::map<std::string, std::string> values;
  while (!(rest = WithoutSpaces(rest)).empty()) {
    if (rest.front() != ';') return false;
    rest = WithoutSpaces(rest.substr(1));
    if (rest.empty()) return true;
    const std::string_view behind_name = BehindToken(rest);
    const std::string name = Lower(rest.substr(0, rest.size() - behind_name.size()));
    if (name.empty()) return false;
    rest = WithoutSpaces(behind_name);
    if (!rest.starts_with('=')) return false;
    rest = WithoutSpaces(rest.substr(1));
    std::string value;
    if (rest.starts_with('"')) {
      const auto behind = BehindQuoted(rest, value);
      if (!behind) return false;
      rest = *behind;
    } else {
      const std::string_view behind = BehindToken(rest);
      value = rest.substr(0, rest.size() - behind.size());
      if (value.empty()) return false;
      rest = behind;
    }
    const auto [known, is_new] = values.emplace(name, value);
    if (!is_new && known->second != value) return false;
  }
  return true;
}

}  // namespace

std::string BodyMediaType(std::string_view header) {
  const size_t end = header.find(';');
  if (end != std::string_view::npos && !AreParameters(header.substr(end))) {
    return std::string(header);
  }
  const std::string bare = BareMediaType(header);
  return bare.empty() ? std::string(header) : bare;
}

bool WantsPretty(const http::Request& request) {
  if (const auto pretty = request.Query("pretty")) return GoBool(*pretty).value_or(false);
  const std::string_view agent = request.Header("User-Agent");
  return agent.starts_with("curl") || agent.starts_with("Wget") || agent.starts_with("Mozilla/5.0");
}

Result<> NegotiatePage(const http::Request& request, std::string_view type, bool takes_json) {
  const std::string_view body = request.Header("Content-Type");
  const auto is_json = [](std::string_view each) { return each == "application/json"; };
  if (takes_json && !body.empty() && !NamesType(body, is_json)) {
    return Fail(RefusedByRouter(Reason::kUnsupportedMediaType, "415: Unsupported Media Type"));
  }
  const std::string_view accept = request.Header("Accept");
  const auto is_wanted = [&](std::string_view each) { return each == "*/*" || each == type; };
  if (accept.empty() || NamesType(accept, is_wanted)) return {};
  return Fail(RefusedByRouter(Reason::kNotAcceptable, kNotAcceptable + std::string(type)));
}

Result<MediaType> Negotiate(const http::Request& request, const MediaOffer& offer) {
  const std::string_view header = request.Header("Accept");
  MediaType media;
  if (!header.empty() && !IsJsonAlone(header)) {
    MediaOffer route = offer;
    route.yaml = offer.yaml || offer.watch;
    // Custom resources are not in its routes.
    const bool is_custom = offer.protobuf_metadata_alone;
    if (!is_custom && offer.routed && !RouterAccepts(header, route)) {
      std::string offered = Join(route, "");
      if (offer.list || offer.watch) offered += ", " + Join(route, ";stream=watch");
      return Fail(RefusedByRouter(Reason::kNotAcceptable, kNotAcceptable + offered));
    }
    auto match = Match(header, offer);
    if (!match && offer.discovery) {
      MediaOffer plain = offer;
      plain.discovery = false;
      match = Match(header, plain);
    }
    if (!match) {
      // What it would be answered in that is no stream is asked first.
      const bool as_stream = offer.watch && Match(header, route);
      return Fail(Reason::kNotAcceptable,
                  "only the following media types are accepted: " +
                      (as_stream ? Join(offer, ";stream=watch") : Join(route, "")));
    }
    media = *match;
  }
  media.pretty = (media.pretty || WantsPretty(request)) && !offer.watch;
  return media;
}

std::optional<MediaType> NegotiateStatus(const http::Request& request) {
  const std::string_view header = request.Header("Accept");
  MediaType media;
  if (!header.empty() && !IsJsonAlone(header)) {
    const auto match = Match(header, {.metadata = false, .table = false});
    if (!match) return std::nullopt;
    media = *match;
  }
  media.pretty = media.pretty || WantsPretty(request);
  return media;
}

}  // namespace skiff
