#include "apiserver/subresources/connect_options.h"

#include <charconv>

#include "apiserver/request/routes.h"
#include "apiserver/subresources/log_options.h"
#include "base/text.h"

namespace skiff {
namespace {

void AddStreams(const http::Request& request, Json& options) {
  for (const char* name : {"stdin", "stdout", "stderr", "tty"}) {
    const auto value = request.Query(name);
    if (value && QueryIsTrue(*value)) options[name] = true;
  }
  const auto container = request.Query("container");
  if (container && !container->empty()) options["container"] = *container;
}

void AddCommand(const http::Request& request, Json& options) {
  Json command = Json::array();
  for (const auto& [name, value] : request.query) {
    if (name == "command") command.push_back(value);
  }
  options["command"] = std::move(command);
}

Result<> AddPorts(const http::Request& request, Json& options) {
  TRY(CheckForwardedPorts(request));
  for (const auto& [name, value] : request.query) {
    int32_t port = 0;
    if (name != "ports") continue;
    std::from_chars(value.data(), value.data() + value.size(), port);
    options["ports"].push_back(port);
  }
  return {};
}

}  // namespace

Result<Json> ConnectOptionsOf(const ApiRequest& request) {
  const Subresource& subresource = *request.route->subresource;
  Json options = {{"kind", subresource.kind}, {"apiVersion", subresource.api_version}};
  if (subresource.name == "proxy") {
    const std::string path = PathBehindProxy(request.info);
    if (!path.empty()) options["path"] = path;
  } else if (subresource.name == "portforward") {
    TRY(AddPorts(request.http, options));
  } else {
    AddStreams(request.http, options);
    if (subresource.name == "exec") AddCommand(request.http, options);
  }
  return options;
}

bool RunsOnNode(std::string_view path) {
  // The first word as whoever cleans paths would have it: "//a/../exec" begins with "exec".
  std::vector<std::string_view> words;
  while (!path.empty()) {
    const size_t slash = path.find('/');
    const std::string_view word = path.substr(0, slash);
    path.remove_prefix(slash == std::string_view::npos ? path.size() : slash + 1);
    if (word == "..") {
      if (!words.empty()) words.pop_back();
    } else if (!word.empty() && word != ".") {
      words.push_back(word);
    }
  }
  const std::string first = words.empty() ? "" : Lower(words.front());
  return first == "exec" || first == "attach" || first == "portforward" || first == "run";
}

std::string PathBehindProxy(const RequestInfo& info) {
  std::string path;
  for (const std::string& segment : info.rest) path.append("/").append(segment);
  if (info.path.ends_with('/') && !path.ends_with('/')) path += '/';
  return path;
}

}  // namespace skiff
