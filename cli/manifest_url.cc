#include "cli/manifest_url.h"

#include <fmt/format.h>

#include <algorithm>

#include "api/codec/json.h"
#include "api/text/go_text.h"
#include "cli/api.h"
#include "cli/errors.h"
#include "cli/json_text.h"
#include "cli/session.h"

namespace skiff::cli {
namespace {

constexpr std::string_view kNotReached = "Unable to connect to the server ";
constexpr int kAttempts = 3;
constexpr int kRedirectionsMax = 10;
constexpr size_t kManifestBytesMax = 64u << 20;

struct Url {
  std::string server;  // "https://example.com:8443"
  http::Request request;
};

Result<Url> ParseUrl(const std::string& text) {
  Url url;
  const std::string_view whole = std::string_view(text).substr(0, text.find('#'));
  const size_t host = whole.find("://") + 3;
  const size_t end = std::min(whole.find_first_of("/?", host), whole.size());
  if (end == host) {
    return CliError(fmt::format("Get {}: http: no Host in request URL", GoQuote(text)));
  }
  url.server = whole.substr(0, end);
  const size_t question = std::min(whole.find('?', end), whole.size());
  url.request.method = "GET";
  url.request.path = http::UrlDecode(whole.substr(end, question - end), /*plus_is_space=*/false);
  if (url.request.path.empty()) url.request.path = "/";
  url.request.query = http::ParseQuery(whole.substr(std::min(question + 1, whole.size())));
  return url;
}

// Where a redirection leads.
std::string Resolved(const Url& from, const std::string& location) {
  if (location.find("://") != std::string::npos) return location;
  if (location.starts_with("//")) return from.server.substr(0, from.server.find("//")) + location;
  if (location.starts_with('/')) return from.server + location;
  const std::string& path = from.request.path;
  return from.server + path.substr(0, path.rfind('/') + 1) + location;
}

bool IsRedirection(int status) {
  return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

// Why nothing answered at all; "": something did.
std::string WhyUnreachable(const http::Response& response) {
  if (response.status != 503) return "";
  const auto status = ParseJson(Api::BodyOf(response));
  if (!status || !status->is_object()) return "";
  const std::string message = TextAt(*status, "message");
  if (!message.starts_with(kNotReached)) return "";
  const size_t space = message.find(": ", kNotReached.size());
  return space == std::string::npos ? message : message.substr(space + 2);
}

// One attempt. `again`: what went wrong may go well the next time.
Result<std::string> Fetch(Environment& environment, const std::string& asked, bool& again) {
  std::string at = asked;
  for (int i = 0; i <= kRedirectionsMax; ++i) {
    Url url = TRY(ParseUrl(at));
    HttpsOptions options;
    options.server = url.server;
    options.proxies = ProxiesOf(environment);
    auto transport = environment.connect(options);
    if (!transport) return CliError(transport.error().message);
    const http::Response response = (*transport)->Send(url.request);
    if (const std::string why = WhyUnreachable(response); !why.empty()) {
      again = true;
      // As of the API's own server.
      return Fail(Error{.reason = Reason::kServiceUnavailable,
                        .message = fmt::format("{}{}: {}", kNotReached, url.server, why),
                        .http_code = 503});
    }
    const std::string location(response.Header("Location"));
    if (IsRedirection(response.status) && !location.empty()) {
      at = Resolved(url, location);
      if (!IsUrl(at)) {
        return CliError(fmt::format("Get {}: unsupported protocol scheme {}", GoQuote(at),
                                    GoQuote(at.substr(0, at.find(':')))));
      }
      continue;
    }
    if (response.status == 200) {
      std::string body = Api::BodyOf(response);
      if (body.size() <= kManifestBytesMax) return body;
      return CliError(fmt::format("unable to read URL {}: it holds more than {} bytes",
                                  GoQuote(asked), kManifestBytesMax));
    }
    again = response.status >= 500 && response.status < 600;
    return CliError(fmt::format("unable to read URL {}, server reported {} {}, status code={}",
                                GoQuote(asked), response.status, http::StatusText(response.status),
                                response.status));
  }
  return CliError(fmt::format("Get {}: stopped after {} redirects", GoQuote(at), kRedirectionsMax));
}

}  // namespace

bool IsUrl(const std::string& name) {
  return name.starts_with("http://") || name.starts_with("https://");
}

Result<std::string> ReadUrl(Environment& environment, const std::string& url) {
  for (int attempt = 1;; ++attempt) {
    bool again = false;
    auto text = Fetch(environment, url, again);
    if (text || !again || attempt == kAttempts) return text;
    environment.pause(1s);
  }
}

}  // namespace skiff::cli
