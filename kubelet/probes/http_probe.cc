#include "kubelet/probes/http_probe.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <charconv>

#include "base/mutex.h"
#include "http/tls.h"

namespace skiff::kubelet {
namespace {

constexpr int kRedirectsMax = 10;
constexpr size_t kBodyMax = 10 * 1024;

bool IsDigit16(char c) {
  return std::isxdigit(static_cast<unsigned char>(c)) != 0;
}

// Whether each "%" begins the code of a byte.
bool IsEscaped(std::string_view path) {
  for (size_t at = path.find('%'); at != path.npos; at = path.find('%', at + 1)) {
    if (at + 2 >= path.size() || !IsDigit16(path[at + 1]) || !IsDigit16(path[at + 2])) return false;
  }
  return true;
}

bool IsControl(char c) {
  return static_cast<unsigned char>(c) < ' ' || c == 127;
}

std::string Escape(std::string_view text, std::string_view plain) {
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (std::isalnum(byte) != 0 || plain.find(c) != plain.npos) {
      out += c;
    } else {
      out += fmt::format("%{:02X}", byte);
    }
  }
  return out;
}

bool IsRedirect(int status) {
  return (status >= 301 && status <= 303) || status == 307 || status == 308;
}

// What has come with the head, which is all of it for the short bodies of redirects.
std::string BodySoFar(http::Opened& opened) {
  std::string text;
  if (!opened.body) return text;
  opened.body->Attach([] {});
  std::vector<http::SharedBytes> chunks;
  while (text.size() < kBodyMax && opened.body->Pull(kBodyMax, chunks) == http::Pulled::kMore) {
  }
  for (const auto& chunk : chunks) text += *chunk;
  text.resize(std::min(text.size(), kBodyMax));
  return text;
}

// One probe, over all its redirects. Shared by the attempt and the request under way.
class HttpProbe : public std::enable_shared_from_this<HttpProbe> {
 public:
  HttpProbe(http::Loops& loops, http::Headers headers, Duration timeout,
            std::function<void(ProbeOutcome)> done)
      : loops_(loops), headers_(std::move(headers)), timeout_(timeout), done_(std::move(done)) {}

  void Go(const ProbeUrl& url) {
    http::Upstream upstream;
    upstream.host = url.host;
    upstream.port = url.port;
    upstream.connect_timeout = upstream.head_timeout = timeout_;
    if (url.is_https) {
      auto context = http::MakeClientContext({.insecure = true});
      if (context) upstream.tls = *context;
    }
    http::ClientRequest request;
    request.target = url.target;
    request.headers = headers_;
    MutexLock lock(mutex_);
    if (abandoned_) return;
    if (first_host_.empty()) first_host_ = url.host;
    exchange_ = http::Open(loops_, std::move(upstream), std::move(request),
                           [weak = weak_from_this(), url](Result<http::Opened> opened) {
                             if (const auto probe = weak.lock()) probe->Take(url, opened);
                           });
  }
  // Nothing is told after this.
  void Abandon() {
    std::unique_ptr<http::Exchange> dropped;
    MutexLock lock(mutex_);
    abandoned_ = true;
    dropped = std::move(exchange_);
  }

 private:
  void Take(const ProbeUrl& url, Result<http::Opened>& opened) {
    if (!opened) return Finish({false, Failed(url, opened.error().message), ""});
    const int status = opened->status;
    const auto location = opened->headers.find("Location");
    if (IsRedirect(status) && location != opened->headers.end()) {
      const auto next = ResolveLocation(url, location->second);
      if (next && next->host == first_host_) {
        if (++redirects_ >= kRedirectsMax) {
          return Finish({false, Failed(url, "stopped after 10 redirects"), ""});
        }
        return Go(*next);
      }
    }
    if (status < 200 || status >= 400) {
      return Finish({false, fmt::format("HTTP probe failed with statuscode: {}", status), ""});
    }
    if (status < 300) return Finish({true, "", ""});
    Finish({true, "", "Probe terminated redirects, Response body: " + BodySoFar(*opened)});
  }
  static std::string Failed(const ProbeUrl& url, const std::string& why) {
    return fmt::format("Get \"{}\": {}", url.Text(), why);
  }
  void Finish(ProbeOutcome outcome) {
    {
      MutexLock lock(mutex_);
      if (abandoned_) return;
    }
    done_(std::move(outcome));
  }

  http::Loops& loops_;
  const http::Headers headers_;
  const Duration timeout_;
  const std::function<void(ProbeOutcome)> done_;
  int redirects_ = 0;       // Requests come one after the other.
  std::string first_host_;  // Redirects stay on it.
  Mutex mutex_;
  bool abandoned_ GUARDED_BY(mutex_) = false;
  std::unique_ptr<http::Exchange> exchange_ GUARDED_BY(mutex_);
};

class HttpAttempt final : public ProbeAttempt {
 public:
  explicit HttpAttempt(std::shared_ptr<HttpProbe> probe) : probe_(std::move(probe)) {}
  ~HttpAttempt() override { probe_->Abandon(); }

 private:
  const std::shared_ptr<HttpProbe> probe_;
};

}  // namespace

std::string TargetOf(const std::string& path) {
  const std::string whole = path.starts_with('/') ? path : "/" + path;
  const std::string_view url = std::string_view(whole).substr(0, whole.find('#'));
  const size_t question = std::min(url.find('?'), url.size());
  const std::string_view before = url.substr(0, question);
  constexpr std::string_view kPlain = "/-._~!$&'()*+,;=:@[]";
  // What is no URL is a path as it stands, as Go has it: its question mark begins nothing.
  const bool is_url = std::none_of(whole.begin(), whole.end(), IsControl) && IsEscaped(before);
  if (!is_url) return Escape(whole, kPlain);
  constexpr std::string_view kInQuery = "/-._~!$&'()*+,;=:@[]%?\"<>\\^`{|}";
  return Escape(before, std::string(kPlain) + "%") + Escape(url.substr(question), kInQuery);
}

std::string ProbeUrl::Authority() const {
  const std::string name = host.find(':') == std::string::npos ? host : "[" + host + "]";
  return fmt::format("{}:{}", name, port);
}

std::string ProbeUrl::Text() const {
  return fmt::format("{}://{}{}", is_https ? "https" : "http", Authority(), target);
}

std::optional<ProbeUrl> ResolveLocation(const ProbeUrl& from, const std::string& location) {
  ProbeUrl to = from;
  std::string rest = location.substr(0, location.find('#'));
  const size_t scheme = rest.find("://");
  const bool has_authority = scheme != std::string::npos || rest.starts_with("//");
  if (scheme != std::string::npos) {
    const std::string word = rest.substr(0, scheme);
    if (word != "http" && word != "https") return std::nullopt;
    to.is_https = word == "https";
    rest = rest.substr(scheme + 1);
  }
  if (has_authority) {
    rest = rest.substr(2);
    const size_t end = std::min(rest.find_first_of("/?"), rest.size());
    std::string authority = rest.substr(0, end);
    rest = rest.substr(end);
    authority = authority.substr(authority.rfind('@') + 1);
    to.port = to.is_https ? 443 : 80;
    const size_t bracket = authority.find(']');
    const size_t colon = authority.find(':', bracket == std::string::npos ? 0 : bracket);
    if (colon != std::string::npos) {
      const char* begin = authority.data() + colon + 1;
      const char* last = authority.data() + authority.size();
      const auto [at, code] = std::from_chars(begin, last, to.port);
      if (code != std::errc() || at != last) return std::nullopt;
    }
    to.host = bracket == std::string::npos ? authority.substr(0, colon)
                                           : authority.substr(1, bracket - 1);
    to.target = TargetOf(rest);
    return to;
  }
  const std::string path = from.target.substr(0, from.target.find('?'));
  if (rest.starts_with('/')) {
    to.target = TargetOf(rest);
  } else if (rest.starts_with('?')) {
    to.target = TargetOf(path + rest);
  } else if (!rest.empty()) {
    to.target = TargetOf(path.substr(0, path.rfind('/') + 1) + rest);
  }
  return to;
}

std::unique_ptr<ProbeAttempt> StartHttpProbe(const core_v1::Probe& probe,
                                             const ProbeSubject& subject, http::Loops& loops,
                                             std::function<void(ProbeOutcome)> done) {
  const core_v1::HTTPGetAction& get = *probe.http_get;
  ProbeUrl url;
  url.is_https = get.scheme == "HTTPS";
  url.host = get.host.empty() ? subject.pod_ip : get.host;
  url.port = ResolvePort(get.port, subject.container).value_or(0);
  url.target = TargetOf(get.path);
  http::Headers headers;
  for (const auto& header : get.http_headers) headers.emplace(header.name, header.value);
  if (!headers.contains("User-Agent")) headers.emplace("User-Agent", "kube-probe/1.35");
  if (!headers.contains("Accept")) headers.emplace("Accept", "*/*");
  auto started = std::make_shared<HttpProbe>(
      loops, std::move(headers), std::chrono::seconds(std::max(1, probe.timeout_seconds)),
      std::move(done));
  started->Go(url);
  return std::make_unique<HttpAttempt>(std::move(started));
}

}  // namespace skiff::kubelet
