#include "apiserver/subresources/connect_options.h"

#include <charconv>

#include "apiserver/request/routes.h"
#include "apiserver/subresources/log_options.h"

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

std::string PathBehindProxy(const RequestInfo& info) {
  std::string path;
  for (const std::string& segment : info.rest) path.append("/").append(segment);
  if (info.path.ends_with('/') && !path.ends_with('/')) path += '/';
  return path;
}

}  // namespace skiff
