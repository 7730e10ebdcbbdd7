// What nearly every file includes, compiled once (cmake/component.cmake). Nothing may rely on it:
// each file still includes what it uses.
#pragma once

// fmt's check of each format at compile time is a twentieth of what a file costs. Presets without
// NDEBUG make it.
#ifdef NDEBUG
#define FMT_CONSTEVAL
#endif
#include <fmt/format.h>

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
#include "base/log.h"
