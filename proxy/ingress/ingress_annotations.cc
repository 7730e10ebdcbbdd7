#include "proxy/ingress/ingress_annotations.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <string_view>
#include <utility>

#include "api/text/time_text.h"
#include "base/text.h"

namespace skiff::ingress {
namespace {

constexpr std::string_view kTimesPrefix = "ingress.skiff.io/timeout-";
constexpr std::string_view kClassAnnotation = "kubernetes.io/ingress.class";
// Of annotations that say nothing here. The whole message has to be an Event's.
constexpr size_t kNamedMax = 8;

// Whose annotations tell an ingress controller what to do: rewriting, redirects, authentication.
// Others, as cert-manager's, are for programs that act on Ingresses beside it.
bool IsForAController(std::string_view annotation) {
  static constexpr std::string_view kTheirs[] = {"appgw.ingress.azure.io",
                                                 "getambassador.io",
                                                 "haproxy-ingress.github.io",
                                                 "haproxy.com",
                                                 "haproxy.org",
                                                 "ingress.cilium.io",
                                                 "ingress.citrix.com",
                                                 "ingress.skiff.io",
                                                 "konghq.com",
                                                 "networking.gke.io",
                                                 "nginx.com",
                                                 "nginx.org",
                                                 "projectcontour.io"};
  const std::string_view owner = annotation.substr(0, annotation.find('/'));
  if (owner == "kubernetes.io") return annotation.starts_with("kubernetes.io/ingress.");
  if (owner == "ingress.kubernetes.io" || owner.ends_with(".ingress.kubernetes.io")) return true;
  return std::any_of(std::begin(kTheirs), std::end(kTheirs), [&](std::string_view each) {
    return owner == each || (owner.ends_with(each) && owner.ends_with(fmt::format(".{}", each)));
  });
}

void TakeTime(const std::string& name, const std::string& value, IngressAnnotations& out) {
  const std::pair<std::string_view, std::optional<Duration>*> known[] = {
      {"connect", &out.times.connect},
      {"server", &out.times.server},
      {"tunnel", &out.times.tunnel}};
  const auto field = std::find_if(std::begin(known), std::end(known), [&](const auto& one) {
    return name.substr(kTimesPrefix.size()) == one.first;
  });
  const auto tell = [&](std::string message) {
    out.problems.push_back({"InvalidAnnotation", std::move(message)});
  };
  if (field == std::end(known)) {
    return tell(fmt::format("{} is none of {}connect, -server, -tunnel", name, kTimesPrefix));
  }
  const auto time = ParseGoDuration(value);
  if (!time || Duration(*time) < kBackendTimeMin || Duration(*time) > kBackendTimeMax) {
    return tell(fmt::format("{} is no time from {} to {}, such as 90s: it is as without it", name,
                            FormatGoDuration(Duration(kBackendTimeMin).count()),
                            FormatGoDuration(Duration(kBackendTimeMax).count())));
  }
  *field->second = Duration(*time);
}

}  // namespace

IngressAnnotations ReadAnnotations(const networking_v1::Ingress& ingress) {
  IngressAnnotations read;
  std::vector<std::string> idle;
  size_t idle_count = 0;
  for (const auto& [name, value] : ingress.metadata.annotations) {
    if (name.starts_with(kTimesPrefix)) {
      TakeTime(name, value, read);
    } else if (name != kClassAnnotation && IsForAController(name)) {
      if (++idle_count <= kNamedMax) idle.push_back(name);
    }
  }
  if (idle.empty()) return read;
  std::string message = fmt::format("it is served as without {}", fmt::join(idle, ", "));
  if (idle_count > idle.size()) {
    message += fmt::format(" and {} more annotations", idle_count - idle.size());
  }
  read.problems.push_back({"UnsupportedAnnotation", std::move(message)});
  return read;
}

}  // namespace skiff::ingress
