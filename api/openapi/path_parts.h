// What the operations on built-in and on custom kinds have in common: their parameters, and how
// they are called.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "api/openapi/openapi_paths.h"

namespace skiff::openapi {

inline constexpr std::string_view kJson = "application/json";
inline constexpr std::string_view kYaml = "application/yaml";
inline constexpr std::string_view kProtobuf = "application/vnd.kubernetes.protobuf";

inline constexpr std::string_view kMetaPrefix = "io.k8s.apimachinery.pkg.apis.meta.v1.";
// The definition of a type of meta/v1: MetaDefinition("Status").
std::string MetaDefinition(std::string_view type);

// The suffixes of shared parameters are those of Kubernetes, so that documents can be compared.
inline constexpr Parameter kName = {"name", "string", "name of the object", "", true};
inline constexpr Parameter kNamespace = {"namespace", "string", "namespace of the object",
                                         "vgWSWtn3", true};
inline constexpr Parameter kPretty = {"pretty", "string", "if 'true', the answer is indented",
                                      "tJGM1-ng"};
inline constexpr Parameter kDryRun = {"dryRun", "string",
                                      "if 'All', nothing is stored; the answer is as if it was",
                                      ""};
inline constexpr Parameter kFieldManager = {
    "fieldManager", "string", "name of whoever owns the fields that are written", "Qy4HdaTW"};
inline constexpr Parameter kPatchManager = {
    "fieldManager", "string",
    "name of whoever owns the fields that are written; apply patches must give it", "7c6nTn1T"};
inline constexpr Parameter kFieldValidation = {
    "fieldValidation", "string", "what unknown fields lead to: 'Ignore', 'Warn' or 'Strict'", ""};
inline constexpr Parameter kForce = {
    "force", "boolean", "apply patches take conflicting fields from their owners", "tOGGb0Yi"};
inline constexpr Parameter kResourceVersion = {
    "resourceVersion", "string", "which state of the store to answer from", "5WAnf1kx"};

inline constexpr Parameter kListParameters[] = {
    {"allowWatchBookmarks", "boolean", "a watch also sends bookmarks", "HC2hJt-J"},
    {"continue", "string", "token of the previous page", "QfD61s0i"},
    {"fieldSelector", "string", "selects objects by their fields", "xIcQKXFG"},
    {"labelSelector", "string", "selects objects by their labels", "5Zw57w4C"},
    {"limit", "integer", "most objects of one answer", "1NfNmdNH"},
    kResourceVersion,
    {"resourceVersionMatch", "string", "how resourceVersion is meant", "t8XhRHeC"},
    {"sendInitialEvents", "boolean", "a watch begins with what exists", "rLXlEK_k"},
    {"timeoutSeconds", "integer", "how long the call may take", "yvYezaOC"},
    {"watch", "boolean", "send changes as they happen", "XNNPZGbK"},
};

inline constexpr Parameter kDeleteParameters[] = {
    kDryRun,
    {"gracePeriodSeconds", "integer", "time the object has to end", "-K5HaBOS"},
    {"ignoreStoreReadErrorWithClusterBreakingPotential", "boolean",
     "delete an object that cannot be read", "QbNkfIqj"},
    {"orphanDependents", "boolean", "leave dependents alone; see propagationPolicy", "uRB25kX5"},
    {"propagationPolicy", "string", "what becomes of dependents", "6jk3prlO"},
};

std::string Capital(std::string_view word);
// What of a text can be in an operation's id: "a-b.example" is "aBExample", and with a capital at
// its beginning "ABExample".
std::string IdPart(std::string_view text, bool capital);
// What ids and tags call a group: "rbac.authorization" of "rbac.authorization.k8s.io", "core" of
// the core group.
std::string_view GroupInIds(std::string_view group);

void SortByName(std::vector<Parameter>& parameters);
// A path with what all its operations take: an indented answer, its own parts, and the query of a
// lone operation. `named` says whether it ends with, or goes on behind, "{name}".
Path MakePath(std::string path, std::vector<Operation> operations, bool named);

}  // namespace skiff::openapi
