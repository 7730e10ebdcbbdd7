// `skiff up|down|status|image load --docker`: the command lines of docker_cluster.h.
#pragma once

#include <string>
#include <vector>

#include "base/error.h"
#include "skiff/docker_cluster.h"

namespace skiff {

// --docker is among the arguments: what follows is about a cluster in Docker.
bool IsAboutDocker(const std::vector<std::string>& args);

// The flags of `skiff up --docker`, and of the others.
std::string DockerUpHelp();
std::string DockerDownHelp();
std::string DockerStatusHelp();
std::string DockerImageHelp();
// What is to be said beside why `skiff up` takes none of these words: that it would with --docker;
// "" where it would not either.
std::string DockerHint(const std::vector<std::string>& args);

// Where the kubeconfigs of clusters in Docker lie: all else of them lies in the engine.
std::string DockerKubeconfigDirectory();
// What they say, but for where its kubeconfig lies.
Result<DockerOptions> DockerOptionsOf(const std::vector<std::string>& args);

int DockerUpMain(const std::vector<std::string>& args);
int DockerDownMain(const std::vector<std::string>& args);
int DockerStatusMain(const std::vector<std::string>& args);
int DockerImageMain(const std::vector<std::string>& args);

}  // namespace skiff
