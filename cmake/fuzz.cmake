# fuzz_programs(): what is fuzzed (e2e/fuzz/targets.h), as `fuzz` under libFuzzer where SKIFF_FUZZ is
# on (preset `fuzz`), and as `fuzz_replay` everywhere.
option(SKIFF_FUZZ "Build the fuzzer (needs clang)" OFF)

function(fuzz_programs)
  file(GLOB targets CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/e2e/fuzz/*.cc)
  list(FILTER targets EXCLUDE REGEX "/(libfuzzer|replay)\\.cc$")
  # Of the API server, what reads requests and the answers of webhooks, and knows nothing of the rest.
  set(requests request/request_info.cc request/api_errors.cc webhooks/review.cc
               webhooks/conversion_review.cc)
  list(TRANSFORM requests PREPEND ${CMAKE_SOURCE_DIR}/apiserver/)
  if(NOT SKIFF_FUZZ)
    add_executable(fuzz_replay ${CMAKE_SOURCE_DIR}/e2e/fuzz/replay.cc ${targets} ${requests})
    target_link_libraries(fuzz_replay PRIVATE api http)
    add_test(NAME fuzz_corpora COMMAND ${CMAKE_SOURCE_DIR}/e2e/fuzz/replay.sh
             $<TARGET_FILE:fuzz_replay>)
    set_tests_properties(fuzz_corpora PROPERTIES TIMEOUT 900)
    return()
  endif()
  # A kind leads to all that it does, so all of api/ is in it.
  add_executable(fuzz ${CMAKE_SOURCE_DIR}/e2e/fuzz/libfuzzer.cc ${targets} ${requests})
  target_link_libraries(fuzz PRIVATE api http)
  target_link_options(fuzz PRIVATE -fsanitize=fuzzer)
  target_precompile_headers(fuzz PRIVATE ${CMAKE_SOURCE_DIR}/api/precompiled.h)
  # Tables: nothing that coverage could guide to, and much to compile.
  target_compile_options(schema_tables PRIVATE -fno-sanitize=all -fno-sanitize-coverage=edge)
endfunction()
