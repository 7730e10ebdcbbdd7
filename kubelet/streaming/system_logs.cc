#include "kubelet/streaming/system_logs.h"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <memory>

#include "kubelet/streaming/kubelet_request.h"
#include "kubelet/volumes/beneath.h"

namespace skiff::kubelet {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kPrefix = "/logs/";
constexpr std::string_view kIndex = "/index.html";
constexpr size_t kSniffed = 512;  // How much of a file says what it is.

// A file as it was when it was opened: a log that grows meanwhile is not sent for ever.
class FileSource final : public http::StreamSource {
 public:
  FileSource(Descriptor file, size_t bytes) : file_(std::move(file)), left_(bytes) {}
  void Attach(http::Waker) override {}
  http::Pulled Pull(size_t bytes_max, std::vector<http::SharedBytes>& out) override {
    std::string chunk(std::min(bytes_max, left_), '\0');
    const ssize_t got = read(file_.number(), chunk.data(), chunk.size());
    // It was cut short: its end would be taken for that of what was promised.
    if (got < 0 || (got == 0 && left_ > 0)) return http::Pulled::kAbort;
    chunk.resize(static_cast<size_t>(got));
    left_ -= chunk.size();
    out.push_back(std::make_shared<const std::string>(std::move(chunk)));
    return left_ > 0 ? http::Pulled::kMore : http::Pulled::kEnd;
  }
  bool EndsByItself() const override { return true; }

 private:
  const Descriptor file_;
  size_t left_;
};

http::Response GoError(int status, const std::string& text) {
  http::Response response = PlainAnswer(status, text + "\n");
  response.SetHeader("X-Content-Type-Options", "nosniff");
  return response;
}

http::Response Refusal(const Error& error) {
  if (error.reason == Reason::kNotFound) return GoError(404, "404 page not found");
  if (error.reason == Reason::kForbidden) return GoError(403, "403 Forbidden");
  return GoError(500, "500 Internal Server Error");
}

http::Response Redirect(const http::Request& request, std::string to) {
  const size_t query = request.target.find('?');
  if (query != std::string::npos) to += request.target.substr(query);
  http::Response response;
  response.status = 301;
  response.SetHeader("Location", to);
  return response;
}

// As a path within a page: a colon in it would make a scheme of what is before.
std::string UrlOf(std::string_view name) {
  constexpr std::string_view kPlain = "-_.~$&+,/:;=@";
  std::string url = name.find(':') < name.find('/') ? "./" : "";
  for (const char c : name) {
    const bool is_letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    if (is_letter || (c >= '0' && c <= '9') || kPlain.find(c) != std::string_view::npos) {
      url += c;
    } else {
      url += fmt::format("%{:02X}", static_cast<unsigned char>(c));
    }
  }
  return url;
}

std::string HtmlOf(std::string_view text) {
  constexpr std::array<std::pair<char, std::string_view>, 5> kEscapes = {
      {{'&', "&amp;"}, {'<', "&lt;"}, {'>', "&gt;"}, {'"', "&#34;"}, {'\'', "&#39;"}}};
  std::string html;
  for (const char c : text) {
    const auto found = std::find_if(kEscapes.begin(), kEscapes.end(),
                                    [&](const auto& each) { return each.first == c; });
    if (found == kEscapes.end()) {
      html += c;
    } else {
      html += found->second;
    }
  }
  return html;
}

Result<std::vector<std::string>> NamesIn(Descriptor folder) {
  const Error unread(Reason::kInternalError, "Error reading directory");
  const int number = folder.Release();
  const std::unique_ptr<DIR, int (*)(DIR*)> open(fdopendir(number), &closedir);
  if (!open) {
    close(number);
    return tl::unexpected(unread);
  }
  std::vector<std::string> names;
  while (const dirent* entry = readdir(open.get())) {
    std::string name = entry->d_name;
    if (name == "." || name == "..") continue;
    if (names.size() == SystemLogs::kEntriesMax) return tl::unexpected(unread);
    names.push_back(entry->d_type == DT_DIR ? name + "/" : name);
  }
  // By the bare names: "a" is before "a.log", though "a/" is not.
  const auto bare = [](std::string_view name) {
    return name.substr(0, name.size() - (name.ends_with('/') ? 1 : 0));
  };
  std::sort(names.begin(), names.end(),
            [&](const auto& a, const auto& b) { return bare(a) < bare(b); });
  return names;
}

http::Response Listing(Descriptor folder) {
  const auto names = NamesIn(std::move(folder));
  if (!names) return GoError(500, names.error().message);
  http::Response response;
  response.content_type = "text/html; charset=utf-8";
  response.body =
      "<!doctype html>\n<meta name=\"viewport\" content=\"width=device-width\">\n<pre>\n";
  for (const std::string& name : *names) {
    response.body += fmt::format("<a href=\"{}\">{}</a>\n", UrlOf(name), HtmlOf(name));
  }
  response.body += "</pre>\n";
  return response;
}

std::string TypeOf(std::string_view head) {
  if (head.starts_with("\x1f\x8b\x08")) return "application/x-gzip";
  const bool is_binary = std::any_of(head.begin(), head.end(), [](unsigned char c) {
    return c <= 0x08 || c == 0x0b || (c >= 0x0e && c <= 0x1a) || (c >= 0x1c && c <= 0x1f);
  });
  return is_binary ? "application/octet-stream" : "text/plain; charset=utf-8";
}

http::Response Contents(Descriptor file) {
  const auto stat = file.Stat();
  if (!stat) return Refusal(stat.error());
  std::string head(kSniffed, '\0');
  const ssize_t got = pread(file.number(), head.data(), head.size(), 0);
  head.resize(static_cast<size_t>(std::max<ssize_t>(got, 0)));
  const auto size = static_cast<size_t>(stat->st_size);
  http::Response response;
  response.content_type = TypeOf(head);
  if (size == 0) return response;
  response.SetHeader("Content-Length", std::to_string(size));
  response.stream = std::make_unique<FileSource>(std::move(file), size);
  return response;
}

}  // namespace

http::Response SystemLogs::Answer(const http::Request& request) const {
  const std::string asked = "/" + request.path.substr(kPrefix.size());
  if (asked.ends_with(kIndex)) return Redirect(request, "./");
  const fs::path clean = fs::path(asked).lexically_normal().relative_path();
  const auto root = OpenDirectory(root_);
  if (!root) return Refusal(root.error());
  const auto inside = ResolveBeneath(*root, clean.string(), root_);
  if (!inside) return Refusal(inside.error());
  const bool has_slash = asked.ends_with("/");
  auto folder = OpenBeneath(*root, *inside, O_RDONLY | O_DIRECTORY);
  if (folder && !has_slash) return Redirect(request, clean.filename().string() + "/");
  if (folder) return Listing(std::move(*folder));
  auto file = OpenRegularFileBeneath(*root, *inside);
  if (!file) return Refusal(file.error());
  if (has_slash) return Redirect(request, "../" + clean.parent_path().filename().string());
  return Contents(std::move(*file));
}

}  // namespace skiff::kubelet
