// `proxy`: the API on a local port with our credentials, and files of a folder beside it.
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <algorithm>
#include <cctype>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <memory>
#include <sstream>

#include "cli/go_template.h"
#include "cli/json_text.h"
#include "cli/proxy_filter.h"
#include "cli/request_log.h"
#include "cli/session.h"
#include "cli/streams.h"
#include "cli/verbs.h"
#include "http/dial.h"
#include "http/server.h"
#include "http/tunnel.h"

namespace skiff::cli {
namespace {

namespace fs = std::filesystem;

constexpr int kPortMax = 65535;
constexpr int kSignalled = 128;  // What a shell says of a program that a signal has ended.
constexpr Duration kDialPatience = 30s;
constexpr size_t kFileBytesMax = 64 << 20;
constexpr size_t kListedMax = 10000;        // Files of a folder.
constexpr Duration kKeepAliveMax = 32767s;  // Of the kernel.

struct ProxyFlags {
  int port = 8001;
  std::string address = "127.0.0.1";
  std::string unix_socket;
  std::string www;
  std::string www_prefix = "/static/";
  std::string api_prefix = "/";
  std::string accept_hosts = "^localhost$,^127\\.0\\.0\\.1$,^\\[::1\\]$";
  std::string accept_paths = "^.*";
  std::string reject_paths = "^/api/.*/pods/.*/exec,^/api/.*/pods/.*/attach";
  std::string reject_methods = "^$";
  bool disable_filter = false;
  bool append_server_path = false;
  Duration keepalive = Duration(0);

  void AddTo(Command& command);
};

void ProxyFlags::AddTo(Command& command) {
  command.Flag("port,p", port, "The port on which to run the proxy; 0 picks one.");
  command.Flag("address", address, "The IP address on which to serve.");
  command.Flag("unix-socket,u", unix_socket, "Unix socket on which to run the proxy.");
  command.Flag("www,w", www, "Also serve static files from this folder.");
  command.Flag("www-prefix,P", www_prefix, "Prefix to serve static files under.");
  command.Flag("api-prefix", api_prefix, "Prefix to serve the proxied API under.");
  command.Flag("accept-hosts", accept_hosts, "Regular expressions of hosts to accept.");
  command.Flag("accept-paths", accept_paths, "Regular expressions of paths to accept.");
  command.Flag("reject-paths", reject_paths, "Regular expressions of paths to reject.");
  command.Flag("reject-methods", reject_methods, "Regular expressions of methods to reject.");
  command.Flag("disable-filter", disable_filter, "Accept all requests.");
  command.Flag("append-server-path", append_server_path,
               "Put the path of the kubeconfig's server before that of each request.");
  command.Flag(
      "keepalive", keepalive,
      "How long a connection to the server may be silent before TCP asks after it; 0: half "
      "a minute, negative: never.");
}

std::string ContentTypeOf(const fs::path& path) {
  static const std::map<std::string, std::string> kTypes = {
      {".html", "text/html; charset=utf-8"},
      {".js", "text/javascript; charset=utf-8"},
      {".css", "text/css; charset=utf-8"},
      {".json", "application/json"},
      {".svg", "image/svg+xml"},
      {".png", "image/png"},
      {".jpg", "image/jpeg"},
      {".gif", "image/gif"},
      {".ico", "image/x-icon"},
      {".txt", "text/plain; charset=utf-8"}};
  const auto found = kTypes.find(path.extension());
  return found == kTypes.end() ? "application/octet-stream" : found->second;
}

http::Response PlainAnswer(int status, const std::string& text) {
  http::Response response;
  response.status = status;
  response.content_type = "text/plain; charset=utf-8";
  response.body = text;
  return response;
}

// A path as Go's net/url writes it.
std::string LinkTo(std::string_view path) {
  constexpr std::string_view kPlain = "-_.~$&+,/:;=@";
  std::string link;
  // Or what comes before the colon would be a scheme.
  if (path.substr(0, path.find('/')).find(':') != path.npos) link = "./";
  for (const char c : path) {
    const auto byte = static_cast<unsigned char>(c);
    const bool is_plain = byte < 0x80 && (std::isalnum(byte) != 0 || kPlain.find(c) != kPlain.npos);
    link += is_plain ? std::string(1, c) : fmt::format("%{:02X}", byte);
  }
  return link;
}

// A page with a link to each file of a folder, as Go's file server makes it; of kListedMax at most.
http::Response ListFolder(const fs::path& folder) {
  std::vector<std::string> names;
  std::error_code code;
  for (fs::directory_iterator at(folder, code), end; !code && at != end; at.increment(code)) {
    if (names.size() == kListedMax) break;
    std::error_code unknown;
    // What a link leads to is not told.
    const bool is_folder = at->symlink_status(unknown).type() == fs::file_type::directory;
    names.push_back(at->path().filename().string() + (is_folder ? "/" : ""));
  }
  if (code) return PlainAnswer(500, "Error reading directory\n");
  std::sort(names.begin(), names.end());
  http::Response response;
  response.content_type = "text/html; charset=utf-8";
  response.body =
      "<!doctype html>\n<meta name=\"viewport\" content=\"width=device-width\">\n<pre>\n";
  for (const std::string& name : names) {
    response.body += fmt::format("<a href=\"{}\">{}</a>\n", LinkTo(name), HtmlEscaped(name));
  }
  response.body += "</pre>\n";
  return response;
}

class ProxyHandler final : public http::Handler {
 public:
  ProxyHandler(http::Loops& loops, ServerAddress address, ProxyFlags flags,
               std::optional<ProxyFilter> filter)
      : loops_(loops),
        address_(std::move(address)),
        flags_(std::move(flags)),
        filter_(std::move(filter)) {}

  http::Response Handle(const http::Request& request) override {
    // As Go's server sends those on who write "//" or "..", or a prefix without its last slash,
    // before anything looks at the path.
    const std::string clean = CleanPath(request.path);
    if (request.path.starts_with('/') && clean != request.path) return MovedTo(request, clean);
    const std::string& prefix = flags_.api_prefix;
    const bool is_api = request.path.starts_with(prefix);
    // Where both begin the path, the longer prefix has it.
    const bool is_www = !flags_.www.empty() && request.path.starts_with(flags_.www_prefix) &&
                        !(is_api && prefix.size() > flags_.www_prefix.size());
    if (is_www) return ServeFile(request, request.path.substr(flags_.www_prefix.size()));
    if (!is_api) return PlainAnswer(404, "404 page not found\n");
    const std::string_view path = WithoutPrefix(request.path);
    if (filter_ && !filter_->Accepts(request, path)) return PlainAnswer(403, "Forbidden\n");
    http::Forwarding forwarding;
    forwarding.upstream = address_.upstream;
    forwarding.request = http::ForwardedRequest(request);
    forwarding.request.target =
        (flags_.append_server_path ? address_.path_prefix : "") + TargetFor(request, path);
    auto& headers = forwarding.request.headers;
    // Ours: where the request goes, who asks, and no page of another origin.
    for (const char* name : {"Host", "Authorization", "Origin"}) headers.erase(name);
    // Who says whom it asks as is not told otherwise.
    const bool says = headers.contains("Impersonate-User");
    if (!says && address_.headers.contains("Impersonate-Uid")) headers.erase("Impersonate-Uid");
    for (const auto& [name, value] : address_.headers) {
      if (!says || !name.starts_with("Impersonate-")) headers.emplace(name, value);
    }
    forwarding.on_error = [](const Error& error) { return PlainAnswer(502, error.message + "\n"); };
    return http::Forward(loops_, std::move(forwarding));
  }

 private:
  // What the API is asked for. A prefix of the API itself stays, as with kubectl.
  std::string_view WithoutPrefix(std::string_view path) const {
    const std::string& prefix = flags_.api_prefix;
    return prefix.starts_with("/api") ? path : path.substr(prefix.size() - 1);
  }
  // `path` with the query, as the filter saw it: a prefix may be written in many ways, so nothing
  // is cut off what was sent. That stays as it is only where all of it is meant.
  static std::string TargetFor(const http::Request& request, std::string_view path) {
    const std::string& sent = request.target;
    if (sent.starts_with('/') && path.size() == request.path.size()) return sent;
    return LinkTo(path) + sent.substr(std::min(sent.find('?'), sent.size()));
  }
  // path.Clean of Go, but for a slash at the end, which stays; with one where a prefix of ours
  // lacks it alone.
  std::string CleanPath(const std::string& path) const {
    std::string clean = fs::path(path).lexically_normal().string();
    if (clean.size() > 1 && clean.ends_with('/') && !path.ends_with('/')) clean.pop_back();
    const std::string slashed = clean + "/";
    const bool is_www = !flags_.www.empty() && slashed == flags_.www_prefix;
    return is_www || slashed == flags_.api_prefix ? slashed : clean;
  }
  http::Response ServeFile(const http::Request& request, const std::string& relative) const {
    // Where the system would see another path than we.
    if (relative.find('\0') != relative.npos) return PlainAnswer(404, "404 page not found\n");
    std::error_code code;
    const fs::path root = fs::weakly_canonical(flags_.www, code);
    if (code || root.empty()) return PlainAnswer(404, "404 page not found\n");
    fs::path path = fs::weakly_canonical(root / relative, code);
    // Nothing outside of the folder, whatever the path says.
    if (!Within(root, path)) return PlainAnswer(404, "404 page not found\n");
    if (fs::is_directory(path, code)) {
      // Links in the page are relative to it.
      if (!relative.empty() && !relative.ends_with('/')) {
        return MovedTo(request, relative.substr(relative.rfind('/') + 1) + "/");
      }
      if (!fs::exists(path / "index.html", code)) return ListFolder(path);
      path = fs::weakly_canonical(path / "index.html", code);
      if (!Within(root, path)) return PlainAnswer(404, "404 page not found\n");
    }
    if (!fs::is_regular_file(path, code) || fs::file_size(path, code) > kFileBytesMax) {
      return PlainAnswer(404, "404 page not found\n");
    }
    std::ifstream in(path, std::ios::binary);
    std::ostringstream text;
    text << in.rdbuf();
    http::Response response;
    response.content_type = ContentTypeOf(path);
    response.body = text.str();
    return response;
  }

  static bool Within(const fs::path& root, const fs::path& path) {
    return std::mismatch(root.begin(), root.end(), path.begin(), path.end()).first == root.end();
  }
  static http::Response MovedTo(const http::Request& request, const std::string& path) {
    http::Response response = PlainAnswer(301, "Moved Permanently\n");
    const size_t query = std::min(request.target.find('?'), request.target.size());
    response.SetHeader("Location", LinkTo(path) + request.target.substr(query));
    return response;
  }

  http::Loops& loops_;
  const ServerAddress address_;
  const ProxyFlags flags_;
  const std::optional<ProxyFilter> filter_;
};

std::string Slashed(std::string prefix) {
  if (!prefix.starts_with('/')) prefix.insert(0, "/");
  if (!prefix.ends_with('/')) prefix += '/';
  return prefix;
}

// As Go's net.Dialer: a negative one asks never.
void KeepAlive(http::Upstream& upstream, Duration idle) {
  upstream.dial = [dial = upstream.dial, host = upstream.host, port = upstream.port,
                   idle]() -> Result<int> {
    const int fd = TRY(dial ? dial() : http::DialHost(host, port, kDialPatience));
    const int asks = idle > Duration(0) ? 1 : 0;
    const int idle_s = static_cast<int>(std::clamp<Duration>(idle, 1s, kKeepAliveMax) / 1s);
    setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &asks, sizeof asks);
    setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle_s, sizeof idle_s);
    return fd;
  };
}

void WarnInLog(Command& command, std::string_view place, std::string_view text) {
  command.environment().err(LogLine(command.environment(), 'W', place, text));
}

void WarnOfFolder(Command& command, const std::string& folder) {
  std::error_code code;
  const fs::file_status status = fs::status(folder, code);
  if (!fs::status_known(status) || !fs::exists(status)) {
    WarnInLog(command, "proxy.go:200",
              fmt::format("Failed to stat static file directory {0}: stat {0}: {1}", folder,
                          Lower(code.message())));
  } else if (!fs::is_directory(status)) {
    WarnInLog(command, "proxy.go:202", "Static file directory " + folder + " is not a directory");
  }
}

}  // namespace

Result<> RunProxy(Command& command, const Args& args) {
  ProxyFlags flags;
  flags.AddTo(command);
  TRY(command.Parse(args));
  if (!flags.unix_socket.empty() && command.Given("port")) {
    return CliError("cannot set --unix-socket and --port at the same time");
  }
  if (flags.unix_socket.empty() && (flags.port < 0 || flags.port > kPortMax)) {
    return CliError(fmt::format("listen tcp: address {}: invalid port", flags.port));
  }
  flags.www_prefix = Slashed(flags.www_prefix);
  flags.api_prefix = Slashed(flags.api_prefix);
  std::optional<ProxyFilter> filter;
  if (!flags.disable_filter) {
    filter = TRY(ProxyFilter::Make({.accept_hosts = flags.accept_hosts,
                                    .accept_paths = flags.accept_paths,
                                    .reject_paths = flags.reject_paths,
                                    .reject_methods = flags.reject_methods}));
  } else if (flags.unix_socket.empty()) {
    WarnInLog(
        command, "proxy.go:177",
        "Request filter disabled, your proxy is vulnerable to XSRF attacks, please be cautious");
  }
  // Blocked before any thread starts, so that only sigwait sees them.
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  Session& session = *TRY(command.session());
  ServerAddress address = TRY(AddressOf(session));
  if (!flags.append_server_path && !address.path_prefix.empty()) {
    WarnInLog(command, "proxy.go:172",
              "Your kube context contains a server path " + address.path_prefix +
                  ", use --append-server-path to automatically append the path to each request");
  }
  if (!flags.www.empty()) WarnOfFolder(command, flags.www);
  if (flags.keepalive != Duration(0)) KeepAlive(address.upstream, flags.keepalive);
  http::Loops loops;
  ProxyHandler handler(loops, std::move(address), flags, std::move(filter));
  http::Server::Options options;
  options.bind_address = flags.address == "localhost" ? "127.0.0.1" : flags.address;
  options.port = flags.port;
  options.unix_path = flags.unix_socket;
  auto server = http::Server::Start(options, loops, handler);
  if (!server) return CliError(server.error().message);
  if (flags.unix_socket.empty()) {
    command.Print("Starting to serve on {}:{}\n", options.bind_address, (*server)->port());
  } else {
    command.Print("Starting to serve on {}\n", flags.unix_socket);
  }
  int signal = 0;
  sigwait(&signals, &signal);
  (*server)->Stop(1s);
  command.set_exit_code(kSignalled + signal);
  return {};
}

}  // namespace skiff::cli
