// The environment of a container: service variables, envFrom, env, and the $(NAME) references in
// them and in command lines. Pure; configuration objects are looked up through functions.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "api/gen/core_v1.h"
#include "base/error.h"
#include "kubelet/env_file.h"

namespace skiff::kubelet {

struct EnvironmentSources {
  // kNotFound: there is no such object in the pod's namespace. Any other error: nobody knows, and
  // what is optional must wait for an answer too.
  std::function<Result<std::shared_ptr<const core_v1::ConfigMap>>(const std::string& name)>
      config_map;
  std::function<Result<std::shared_ptr<const core_v1::Secret>>(const std::string& name)> secret;
  // The env file at `path` in a volume of the pod, of at most `bytes_max`. Errors have the text of
  // CreateContainerConfigError; kNotFound: there is no such file. Null where there are no files at
  // all: each variable from one is there then, and empty.
  std::function<Result<EnvFile>(const std::string& volume, const std::string& path,
                                size_t bytes_max)>
      env_file;
  // Services of the pod's namespace, and `kubernetes` of default.
  std::vector<std::shared_ptr<const core_v1::Service>> services;
  std::map<std::string, Quantity> node_allocatable;
};

// What the env files of one container may hold together: as much as a ConfigMap.
constexpr size_t kEnvFilesBytesMax = 1024 * 1024;
constexpr char kBadEnvFile[] = "couldn't parse env file";

using Environment = std::vector<std::pair<std::string, std::string>>;

// In order of definition, each name once. Fails with the text of CreateContainerConfigError when a
// referenced object or key is missing.
Result<Environment> MakeEnvironment(const core_v1::Pod& pod, const core_v1::Container& container,
                                    const EnvironmentSources& sources);

// What a pod can make of the variables that its spec sets, and of a command line with them: no
// kernel starts a program with more than 6 MiB. References to references double each time.
constexpr size_t kEnvironmentBytesMax = 8 * 1024 * 1024;
constexpr char kEnvironmentTooLong[] = "argument list too long";

// Replaces $(NAME); "$$" stands for "$"; unknown names stay as they are. Fails when that comes to
// more than kEnvironmentBytesMax.
Result<std::string> Expand(const std::string& text,
                           const std::map<std::string, std::string>& variables);

// The words of a command line, each so; the bound is that of all together.
Result<std::vector<std::string>> ExpandAll(const std::vector<std::string>& words,
                                           const std::map<std::string, std::string>& variables);

// A mount's subPath, or what its subPathExpr comes to; "": the whole volume. A variable that is not
// there, or empty, would name another part of the volume: it is an error.
Result<std::string> SubPathOf(const core_v1::VolumeMount& mount,
                              const std::map<std::string, std::string>& variables);

// REDIS_SERVICE_HOST and so on.
std::map<std::string, std::string> ServiceVariables(const core_v1::Service& service);

}  // namespace skiff::kubelet
