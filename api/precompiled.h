// What nearly every file includes, compiled once (cmake/component.cmake). Nothing may rely on it:
// each file still includes what it uses.
#pragma once

#include <algorithm>
#include <functional>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "api/codec/typed.h"
#include "api/gen/apps_v1.h"
#include "api/gen/core_v1.h"
#include "base/control_loop.h"
#include "base/error.h"
