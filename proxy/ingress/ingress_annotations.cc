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
// Of annotations that say nothing here. The whole message has to be an Event's, of which 900 bytes
// are kept, and one name may have 317.
constexpr size_t kNamedMax = 8;
constexpr size_t kNamedBytesMax = 800;

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
    return owner == each || owner.ends_with(fmt::format(".{}", each));
  });
}

// cert-manager sets it, to this, for the Ingresses that it has its challenges answered by.
bool SaysNothing(std::string_view name, std::string_view value) {
  return name == "nginx.ingress.kubernetes.io/whitelist-source-range" && value == "0.0.0.0/0,::/0";
}

// The first ones of those that are not done, as many as a message has room for.
class IdleAnnotations {
 public:
  void Add(const std::string& name) {
    ++count_;
    const size_t bytes = named_.size() + kSeparator.size() + name.size();
    if (count_ > named_count_ + 1 || named_count_ == kNamedMax || bytes > kNamedBytesMax) return;
    if (!named_.empty()) named_ += kSeparator;
    named_ += name;
    ++named_count_;
  }

  bool empty() const { return count_ == 0; }
  std::string Message() const {
    std::string message = "it is served as without " + named_;
    if (count_ > named_count_) {
      message += fmt::format(" and {} more annotations", count_ - named_count_);
    }
    return message;
  }

 private:
  static constexpr std::string_view kSeparator = ", ";

  std::string named_;
  size_t named_count_ = 0;
  size_t count_ = 0;
};

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
  IdleAnnotations idle;
  for (const auto& [name, value] : ingress.metadata.annotations) {
    if (name.starts_with(kTimesPrefix)) {
      TakeTime(name, value, read);
    } else if (name != kClassAnnotation && IsForAController(name) && !SaysNothing(name, value)) {
      idle.Add(name);
    }
  }
  if (!idle.empty()) read.problems.push_back({"UnsupportedAnnotation", idle.Message()});
  return read;
}

}  // namespace skiff::ingress
