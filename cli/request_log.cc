#include "cli/request_log.h"

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "api/text/go_text.h"
#include "cli/api.h"

namespace skiff::cli {
namespace {

constexpr int kRequestHeaders = 7;
constexpr int kResponseHeaders = 8;
constexpr size_t kBodyBytesAtEight = 1024;
constexpr size_t kBodyBytesAtNine = 10240;

// As klog writes a value of several lines.
std::string Block(const std::string& text) {
  std::string out = "<\n";
  size_t at = 0;
  while (at <= text.size()) {
    const size_t end = std::min(text.find('\n', at), text.size());
    out.append("\t").append(text, at, end - at).append("\n");
    at = end + 1;
  }
  return out + " >";
}

std::string Value(const std::string& text) {
  return text.find('\n') == std::string::npos ? GoQuote(text) : Block(text);
}

std::string HeaderText(const http::Headers& headers) {
  std::string text;
  for (const auto& [name, value] : headers) {
    std::string shown = value;
    // The kind of credentials is told, and nothing of them.
    if (http::Headers::key_compare less;
        !less(name, "Authorization") && !less("Authorization", name) && !value.empty()) {
      const size_t space = value.find(' ');
      shown = space == std::string::npos ? "<masked>" : value.substr(0, space) + " <masked>";
    }
    text += fmt::format("{}{}: {}", text.empty() ? "" : "\n", name, shown);
  }
  return Block(text);
}

class LoggedTransport final : public Transport {
 public:
  LoggedTransport(std::unique_ptr<Transport> inner, Environment& environment,
                  const HttpsOptions& options)
      : inner_(std::move(inner)),
        environment_(environment),
        server_(options.server),
        credentials_(!options.token.empty() || !options.token_file.empty() ? "Bearer <masked>"
                     : !options.username.empty()                           ? "Basic <masked>"
                                                                           : ""),
        verbosity_(environment.verbosity) {}

  http::Response Send(http::Request request) override {
    const std::string url = server_ + EncodeTarget(request);
    const std::string method = request.method;
    if (verbosity_ >= kRequestHeaders) LogRequest(request, url);
    const Duration start = environment_.clock.Monotonic();
    http::Response response = inner_->Send(std::move(request));
    const Duration took = environment_.clock.Monotonic() - start;
    LogResponse(response, method, url, took);
    return response;
  }

 private:
  void Line(const std::string& text) {
    environment_.err(LogLine(environment_, 'I', "round_trippers.go:632", text));
  }
  void LogRequest(const http::Request& request, const std::string& url) {
    if (verbosity_ >= kResponseHeaders && !request.body.empty()) {
      LogBody("Request Body", request.body);
    }
    http::Headers headers = request.headers;
    if (!credentials_.empty()) headers.emplace("Authorization", credentials_);
    Line(fmt::format("\"Request\" verb={} url={} headers={}", GoQuote(request.method), GoQuote(url),
                     HeaderText(headers)));
  }
  void LogResponse(const http::Response& response, const std::string& method,
                   const std::string& url, Duration took) {
    std::string text = "\"Response\"";
    // At higher levels the request has told it.
    if (verbosity_ < kRequestHeaders) {
      text += fmt::format(" verb={} url={}", GoQuote(method), GoQuote(url));
    }
    text += fmt::format(" status=\"{} {}\"", response.status, http::StatusText(response.status));
    if (verbosity_ >= kResponseHeaders) text += " headers=" + HeaderText(response.headers);
    const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(took).count();
    Line(fmt::format("{} milliseconds={}", text, ms));
    // A stream is for who asked for it.
    if (verbosity_ < kResponseHeaders || response.stream != nullptr) return;
    const std::string body = Api::BodyOf(response);
    if (!body.empty()) LogBody("Response Body", body);
  }
  void LogBody(const char* what, const std::string& body) {
    const size_t most = verbosity_ >= 10  ? body.size()
                        : verbosity_ == 9 ? kBodyBytesAtNine
                                          : kBodyBytesAtEight;
    std::string shown = body.substr(0, most);
    if (body.size() > most) shown += fmt::format(" [truncated {} chars]", body.size() - most);
    Line(fmt::format("\"{}\" body={}", what, Value(shown)));
  }

  const std::unique_ptr<Transport> inner_;
  Environment& environment_;
  const std::string server_;
  const std::string credentials_;
  const int verbosity_;
};

}  // namespace

std::string LogLine(Environment& environment, char severity, std::string_view place,
                    std::string_view text) {
  using std::chrono::microseconds;
  const auto now = std::chrono::floor<microseconds>(environment.clock.Now());
  const auto seconds = std::chrono::floor<std::chrono::seconds>(now);
  return fmt::format("{}{:%m%d %H:%M:%S}.{:06d} {:7d} {}] {}\n", severity,
                     fmt::localtime(std::chrono::system_clock::to_time_t(seconds)),
                     (now - seconds).count(), getpid(), place, text);
}

std::unique_ptr<Transport> LogRequests(std::unique_ptr<Transport> inner, Environment& environment,
                                       const HttpsOptions& options) {
  return std::make_unique<LoggedTransport>(std::move(inner), environment, options);
}

}  // namespace skiff::cli
