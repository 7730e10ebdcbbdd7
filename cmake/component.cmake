# Nearly every file from api/ upwards includes the JSON document and the structs of core/v1, which
# take the compiler two seconds to read: they are read once, for all.
function(use_precompiled_api target)
  if(target STREQUAL "api")
    # In brackets CMake leaves the name as it is; a path would not suit other checkouts' caches.
    target_precompile_headers(api PRIVATE <api/precompiled.h>)
  elseif(NOT target MATCHES "^(base|http)(_test)?$")
    target_precompile_headers(${target} REUSE_FROM api)
  endif()
endfunction()

# What base/source_root.h declares.
file(CONFIGURE OUTPUT ${CMAKE_BINARY_DIR}/source_root.cc @ONLY CONTENT
"namespace skiff {
extern const char kSourceRoot[];
extern const char kBuildRoot[];
const char kSourceRoot[] = \"@CMAKE_SOURCE_DIR@\";
const char kBuildRoot[] = \"@CMAKE_BINARY_DIR@\";
}
")
set_source_files_properties(${CMAKE_BINARY_DIR}/source_root.cc PROPERTIES
                            SKIP_PRECOMPILE_HEADERS ON)

# read_batches(n m): what BATCHES says, one and one if it says nothing.
macro(read_batches)
  set(batches 1)
  set(test_batches 1)
  if(${ARGC} EQUAL 2)
    set(batches ${ARGV0})
    set(test_batches ${ARGV1})
  endif()
endmacro()

# component(name dep... [LIBS lib...] [BATCHES n m] [ALONE source...] [TOGETHER prefix]): every *.cc
# below the folder makes the library, every *_test.cc its one test program, `name_test`. A new file
# edits no build file. Where sources are compiled in batches (cmake/unity.cmake) those of the library
# make n, its tests m, those ALONE none, and those TOGETHER, whose names begin so, one more.
function(component name)
  cmake_parse_arguments(ARG "" "TOGETHER" "LIBS;BATCHES;ALONE" ${ARGN})
  read_batches(${ARG_BATCHES})
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/${name}/*.cc)
  list(FILTER sources EXCLUDE REGEX "/api/compiler/|/api/cel/|/testdata/|_bench\\.cc$|/images/|/e2e/fuzz/")
  set(tests ${sources})
  list(FILTER sources EXCLUDE REGEX "_test\\.cc$")
  list(FILTER tests INCLUDE REGEX "_test\\.cc$")
  list(TRANSFORM ARG_ALONE PREPEND ${CMAKE_SOURCE_DIR}/)
  list(REMOVE_ITEM sources "" ${ARG_ALONE})
  batched(sources ${name} ${batches} ${sources} TOGETHER ${ARG_TOGETHER})
  batched(tests ${name}_test ${test_batches} ${tests})
  if(sources)
    add_library(${name} STATIC ${sources} ${ARG_ALONE})
    target_link_libraries(${name} PUBLIC ${ARG_UNPARSED_ARGUMENTS} ${ARG_LIBS} Threads::Threads)
    use_precompiled_api(${name})
  else()
    add_library(${name} INTERFACE)
    target_link_libraries(${name} INTERFACE ${ARG_UNPARSED_ARGUMENTS} ${ARG_LIBS} Threads::Threads)
  endif()
  if(tests)
    add_executable(${name}_test ${tests} ${CMAKE_BINARY_DIR}/source_root.cc)
    target_link_libraries(${name}_test PRIVATE ${name} GTest::gtest GTest::gmock GTest::gtest_main)
    use_precompiled_api(${name}_test)
    add_test(NAME ${name} COMMAND ${name}_test)
    set_tests_properties(${name} PROPERTIES TIMEOUT 1800 WORKING_DIRECTORY ${CMAKE_SOURCE_DIR}
        ENVIRONMENT "TSAN_OPTIONS=suppressions=${CMAKE_SOURCE_DIR}/cmake/tsan_suppressions.txt;${unit_heap}")
  endif()
endfunction()

# program(name dep... [LIBS lib...] [BATCHES n m]): the executable made of the folder's main.cc and
# its other sources, which its one test program, `name_test`, links too.
function(program name)
  cmake_parse_arguments(ARG "" "" "LIBS;BATCHES" ${ARGN})
  read_batches(${ARG_BATCHES})
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/${name}/*.cc)
  set(tests ${sources})
  list(FILTER sources EXCLUDE REGEX "_test\\.cc$|/main\\.cc$")
  list(FILTER tests INCLUDE REGEX "_test\\.cc$")
  batched(sources ${name}_parts ${batches} ${sources})
  batched(tests ${name}_test ${test_batches} ${tests})
  add_library(${name}_parts STATIC ${sources})
  target_link_libraries(${name}_parts PUBLIC ${ARG_UNPARSED_ARGUMENTS} ${ARG_LIBS} Threads::Threads)
  use_precompiled_api(${name}_parts)
  add_executable(${name} ${CMAKE_SOURCE_DIR}/${name}/main.cc)
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR})
  # What is not in the file needs not be read at the first start: a quarter of it would be names.
  target_link_options(${name} PRIVATE $<$<CONFIG:Release>:-s> $<$<CONFIG:Release>:-Wl,--gc-sections>)
  target_link_libraries(${name} PRIVATE ${name}_parts)
  use_precompiled_api(${name})
  if(tests)
    add_executable(${name}_test ${tests} ${CMAKE_BINARY_DIR}/source_root.cc)
    target_link_libraries(${name}_test PRIVATE ${name}_parts GTest::gtest GTest::gmock
                                               GTest::gtest_main)
    use_precompiled_api(${name}_test)
    add_test(NAME ${name} COMMAND ${name}_test)
    set_tests_properties(${name} PROPERTIES TIMEOUT 1800 WORKING_DIRECTORY ${CMAKE_SOURCE_DIR}
        ENVIRONMENT "${unit_heap}")
  endif()
endfunction()

# benchmark_program(name source lib...): a benchmark, built only where SKIFF_BENCHES is on.
option(SKIFF_BENCHES "Build the benchmarks (needs libbenchmark-dev)" OFF)
function(benchmark_program name source)
  if(SKIFF_BENCHES)
    find_package(benchmark REQUIRED)
    add_executable(${name} ${source})
    target_link_libraries(${name} PRIVATE ${ARGN} benchmark::benchmark)
  endif()
endfunction()
