// url(): the parts of URLs.
#include <algorithm>
#include <array>
#include <utility>

#include "api/cel/go_url.h"
#include "api/cel/libraries.h"
#include "api/cel/limits.h"
#include "api/cel/made_bytes.h"
#include "api/cel/text_lists.h"

namespace skiff::cel {
namespace {

using Args = std::span<const Value>;

class UrlValue final : public OpaqueValue {
 public:
  UrlValue(std::string_view written, GoUrl read) : text(written), url(std::move(read)) {}
  const char* TypeName() const override { return "kubernetes.URL"; }
  bool Equals(const OpaqueValue& other) const override {
    const auto* that = dynamic_cast<const UrlValue*>(&other);
    looks_of_thread += text.size() / kTextBytesPerLook;
    return that != nullptr && that->text == text;
  }
  std::string Text() const override { return text; }
  size_t Bytes() const override { return sizeof *this + 2 * text.size(); }
  const std::string text;
  const GoUrl url;
};

Value UrlOf(Args a) {
  GoUrl url = ParseRequestUri(a[0].text());
  if (!url.error.empty()) {
    return Value::Error("URL parse error during conversion from string: " + url.error);
  }
  // Only then a fragment is told apart: a request's URL has none.
  const std::string_view whole = a[0].text();
  url = ParseRequestUri(whole.substr(0, whole.find('#')));
  return Value::Opaque(std::make_shared<UrlValue>(whole, std::move(url)));
}
Value IsUrl(Args a) {
  return Value::Bool(ParseRequestUri(a[0].text()).error.empty());
}

// Its parts are looked for in its text.
const GoUrl& UrlIn(const Value& value) {
  const auto& url = static_cast<const UrlValue&>(value.opaque());
  looks_of_thread += url.text.size() / kTextBytesPerLook;
  return url.url;
}
Value Scheme(Args a) {
  return Value::String(UrlIn(a[0]).scheme);
}
Value HostAndPort(Args a) {
  return Value::String(UrlIn(a[0]).host);
}
Value Hostname(Args a) {
  return Value::String(UrlIn(a[0]).Hostname());
}
Value Port(Args a) {
  return Value::String(UrlIn(a[0]).Port());
}
Value PathOfUrl(Args a) {
  return Value::String(UrlIn(a[0]).escaped_path);
}
Value QueryOfUrl(Args a) {
  // Some hundred bytes each: as many as no evaluation could fill the memory with.
  constexpr uint64_t kLooksPerPair = 32;
  const GoUrl& url = UrlIn(a[0]);
  const auto others = static_cast<uint64_t>(std::count(url.query.begin(), url.query.end(), '&'));
  // Of the pairs as they are read, and of the map beside them.
  constexpr size_t kBytesPerPair = 500;
  const size_t bytes = others * kBytesPerPair + 2 * url.query.size();
  if (!Look(others * kLooksPerPair) || !MakeScratch(bytes)) return Value::Error(kBudgetText);
  std::map<Value, Value, KeyLess> entries;
  for (auto& [key, values] : url.Query()) {
    entries.emplace(Value::String(key), ListOfTexts(std::move(values)));
  }
  return MapBuilder::Make(std::move(entries));
}

constexpr std::array kUrls = {
    Declaration{"url", "(string) -> kubernetes.URL", UrlOf, CostRule::kTraverse},
    // Not what it does: what Kubernetes counts, for which this one is any call.
    Declaration{"isURL", "(string) -> bool", IsUrl},
    Declaration{"getScheme", "kubernetes.URL.() -> string", Scheme},
    Declaration{"getHost", "kubernetes.URL.() -> string", HostAndPort},
    Declaration{"getHostname", "kubernetes.URL.() -> string", Hostname},
    Declaration{"getPort", "kubernetes.URL.() -> string", Port},
    Declaration{"getEscapedPath", "kubernetes.URL.() -> string", PathOfUrl},
    Declaration{"getQuery", "kubernetes.URL.() -> map(string, list(string))", QueryOfUrl}};

}  // namespace

void AddUrlFunctions(FunctionTable& table) {
  table.Add(kUrls);
}

}  // namespace skiff::cel
