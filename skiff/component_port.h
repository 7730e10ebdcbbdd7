// The port of a program of Kubernetes', by the flags that all of them have for it.
#pragma once

#include <memory>
#include <string>

#include "base/clock.h"
#include "http/server.h"
#include "skiff/component.h"
#include "skiff/component_server.h"

namespace skiff {

// Whom it lets see what. Reads the files that the flags name.
Result<ComponentServer::Access> AccessOf(const ServingFlags& flags);
// Serves until it is dropped; null: the flags want no port. `name` is that of files in --cert-dir.
// Errors are those of certificates, and of a port that cannot be had.
Result<std::unique_ptr<http::Server>> ServePort(const ServingFlags& flags, const std::string& name,
                                                const Clock& clock, http::Loops& loops,
                                                http::Handler& handler);

}  // namespace skiff
