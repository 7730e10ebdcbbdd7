#include "apiserver/request/media.h"

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <map>

#include "base/text.h"

namespace skiff {
namespace {

std::string_view Trim(std::string_view text) {
  while (!text.empty() && std::isspace(static_cast<unsigned char>(text.front()))) {
    text.remove_prefix(1);
  }
  while (!text.empty() && std::isspace(static_cast<unsigned char>(text.back()))) {
    text.remove_suffix(1);
  }
  return text;
}

std::vector<std::string_view> SplitOn(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  for (;;) {
    const size_t at = text.find(separator);
    parts.push_back(Trim(text.substr(0, at)));
    if (at == std::string_view::npos) return parts;
    text.remove_prefix(at + 1);
  }
}

struct Clause {
  std::string type;
  std::string subtype;
  double quality = 1;
  std::map<std::string, std::string, std::less<>> parameters;

  int Breadth() const { return type == "*" ? 2 : subtype == "*" ? 1 : 0; }
  bool Matches(std::string_view media) const {
    if (type == "*") return subtype == "*";
    const size_t slash = media.find('/');
    return media.substr(0, slash) == type && (subtype == "*" || media.substr(slash + 1) == subtype);
  }
};

// At most this many clauses are looked at; a longer header is cut.
constexpr size_t kClausesMax = 64;

std::vector<Clause> ParseAccept(std::string_view header) {
  std::vector<Clause> clauses;
  for (std::string_view text : SplitOn(header, ',')) {
    if (clauses.size() == kClausesMax) break;
    const auto parts = SplitOn(text, ';');
    const size_t slash = parts[0].find('/');
    Clause clause;
    clause.type = std::string(parts[0].substr(0, slash));
    if (slash == std::string_view::npos) {
      if (parts[0] != "*") continue;
      clause.subtype = "*";
    } else {
      clause.subtype = std::string(parts[0].substr(slash + 1));
    }
    for (size_t i = 1; i < parts.size(); ++i) {
      const size_t equals = parts[i].find('=');
      if (equals == std::string_view::npos) continue;
      const std::string key(parts[i].substr(0, equals));
      const std::string value(parts[i].substr(equals + 1));
      if (key == "q") {
        clause.quality = std::atof(value.c_str());
      } else {
        clause.parameters[key] = value;
      }
    }
    clauses.push_back(std::move(clause));
  }
  std::stable_sort(clauses.begin(), clauses.end(), [](const Clause& a, const Clause& b) {
    if (a.quality != b.quality) return a.quality > b.quality;
    return a.Breadth() < b.Breadth();
  });
  return clauses;
}

std::string Parameter(const Clause& clause, std::string_view name) {
  const auto found = clause.parameters.find(name);
  return found == clause.parameters.end() ? "" : found->second;
}

// Whether the clause's conversion is on offer in that encoding; fills the answer.
bool AcceptTarget(const Clause& clause, const MediaOffer& offer, MediaType& media) {
  media.pretty = Parameter(clause, "pretty") == "1";
  const std::string as = Parameter(clause, "as");
  if (as.empty()) return true;
  const std::string group = Parameter(clause, "g");
  media.target_version = Parameter(clause, "v");
  if (offer.discovery && as == "APIGroupDiscoveryList") {
    media.target = Target::kDiscovery;
    return group == "apidiscovery.k8s.io" && media.target_version == "v2";
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

std::optional<MediaType> Match(const std::vector<Clause>& clauses, const MediaOffer& offer) {
  for (const Clause& clause : clauses) {
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

// The router looks first: it knows no wildcards but */* and no parameters, and heeds case.
bool RouterAccepts(std::string_view header, const MediaOffer& offer) {
  for (std::string_view text : SplitOn(header, ',')) {
    const std::string_view media = Trim(text.substr(0, text.find(';')));
    if (media == "*/*" || (offer.plain_text && media == "text/plain")) return true;
    for (const Encoding encoding : Offered(offer)) {
      if (media == ContentTypeOf(encoding)) return true;
    }
  }
  return false;
}

bool ParseGoBool(std::string_view text) {
  return text == "1" || text == "t" || text == "T" || text == "true" || text == "TRUE" ||
         text == "True";
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
  return Lower(Trim(header.substr(0, header.find(';'))));
}

bool WantsPretty(const http::Request& request) {
  if (const auto pretty = request.Query("pretty")) return ParseGoBool(*pretty);
  const std::string_view agent = request.Header("User-Agent");
  return agent.starts_with("curl") || agent.starts_with("Wget") || agent.starts_with("Mozilla/5.0");
}

Result<MediaType> Negotiate(const http::Request& request, const MediaOffer& offer) {
  const std::string_view header = request.Header("Accept");
  MediaType media;
  if (!header.empty()) {
    MediaOffer route = offer;
    route.yaml = offer.yaml || offer.watch;
    if (!RouterAccepts(header, route)) {
      Error error{Reason::kNotAcceptable,
                  "406: Not Acceptable\n\nAvailable representations: " + Join(route, "")};
      if (offer.list || offer.watch) error.message += ", " + Join(route, ";stream=watch");
      error.details.emplace();
      return Fail(std::move(error));
    }
    const auto match = Match(ParseAccept(header), offer);
    if (!match) {
      return Fail(Reason::kNotAcceptable, "only the following media types are accepted: " +
                                              Join(offer, offer.watch ? ";stream=watch" : ""));
    }
    media = *match;
  }
  media.pretty = (media.pretty || WantsPretty(request)) && !offer.watch;
  return media;
}

std::optional<MediaType> NegotiateStatus(const http::Request& request) {
  const std::string_view header = request.Header("Accept");
  MediaType media;
  if (!header.empty()) {
    const auto match = Match(ParseAccept(header), {.metadata = false, .table = false});
    if (!match) return std::nullopt;
    media = *match;
  }
  media.pretty = media.pretty || WantsPretty(request);
  return media;
}

}  // namespace skiff
