# Runs one unit of Redis's own test suite against a server that is up already, and goes on where a test fails.
#
# Usage, in the root of Redis's source: tclsh8.6 unit.tcl UNIT RESULTS "HOST:PORT ..." [option of the suite]...
#
# The third argument names the servers behind the one under test: emptying them and setting them up for a unit is not
# what is tested, so it is done there. RESULTS gets one line per test: outcome, name#occurrence, what went wrong.
#
# The suite ends at the first exception. Here each test, and each statement between tests, stands for itself; a reply
# that does not come in time is an exception of the test that waits for it. SUITE_WITHOUT in the environment: a file with
# the names, one a line, of tests that are left out.

set reply_ms 5000
set test_ms 90000
# A unit in which so many replies never came is not worth the wait.
set lost_replies_allowed 12

lassign $argv unit results_path backends
set argv [lrange $argv 3 end]
set argc [llength $argv]

# The whole of the suite but its main program, which begins at this line.
set file [open tests/test_helper.tcl]
set helper [read $file]
close $file
set main_program [string first "\nif {\$::client} \{" $helper]
if {$main_program < 0} { puts stderr "this is not the test_helper.tcl that is known here"; exit 2 }
eval [string range $helper 0 $main_program]

set results [open $results_path w]
fconfigure $results -buffering line -encoding utf-8
set without {}
if {[info exists ::env(SUITE_WITHOUT)]} {
    set file [open $::env(SUITE_WITHOUT)]
    fconfigure $file -encoding utf-8
    set without [split [read $file] "\n"]
    close $file
}
set in_test 0
set give_up_at 0
set lost_replies 0
set connections {}

proc flat {text} { return [string range [string map {"\n" " " "\t" " " "\r" " "} $text] 0 300] }

proc note {outcome name {message ""}} {
    puts $::results [join [list [flat $outcome] [flat $name] [flat $message]] "\t"]
}

proc send_data_packet {args} {}
set ::test_server_fd none

# The tests about ACLs are skipped where a server is up already, since they change its users. That is wanted here if
# the server under test has users of its own. What restarts the server fails.
if {[info exists ::env(SUITE_USERS)]} {
    rename tags_acceptable tags_acceptable_strictly
    proc tags_acceptable {tags reason} {
        upvar $reason why
        if {[lsearch $tags acl] >= 0} { set tags [lsearch -all -inline -not -exact $tags external:skip] }
        return [tags_acceptable_strictly $tags why]
    }
}

# --- replies in time ---

proc readable_in_time {fd} {
    set before [fileevent $fd readable]
    set ::came($fd) pending
    fileevent $fd readable [list set ::came($fd) yes]
    set alarm [after $::reply_ms [list set ::came($fd) no]]
    vwait ::came($fd)
    after cancel $alarm
    fileevent $fd readable $before
    return [string equal $::came($fd) yes]
}

proc lose {fd} {
    if {[incr ::lost_replies] > $::lost_replies_allowed} {
        note unit-given-up "" "more than $::lost_replies_allowed replies never came"
        exit 0
    }
    foreach {id known} [array get ::redis::fd] {
        if {$known eq $fd} { set ::redis::fd($id) {} }
    }
    catch {close $fd}
    error "no reply within $::reply_ms ms"
}

proc ::redis::redis_safe_gets {fd} {
    fconfigure $fd -blocking 0
    while {[gets $fd line] < 0} {
        if {[eof $fd]} { return {} }
        if {![readable_in_time $fd]} { lose $fd }
    }
    return $line
}

proc ::redis::redis_safe_read {fd length} {
    if {$length < 0} { return [read $fd] }
    fconfigure $fd -blocking 0
    set bytes [read $fd $length]
    while {[string length $bytes] < $length && ![eof $fd]} {
        if {![readable_in_time $fd]} { lose $fd }
        append bytes [read $fd [expr {$length - [string length $bytes]}]]
    }
    return $bytes
}

# --- connections: those of a failed test are closed ---

rename redis connect_to
proc redis {args} {
    set handle [uplevel 1 [list connect_to {*}$args]]
    if {$::in_test} { lappend ::connections $::redis::id }
    return $handle
}

rename ::redis::__dispatch__ ::redis::dispatch_strictly
proc ::redis::__dispatch__ {id method args} {
    if {$::in_test && [clock milliseconds] > $::give_up_at} { error "over $::test_ms ms" }
    set code [catch {uplevel 1 [list ::redis::dispatch_strictly $id $method {*}$args]} value]
    if {$code == 1 && !$::in_test} {
        note between-tests [lrange [list $method {*}$args] 0 3] $value
        return {}
    }
    return -code $code $value
}

rename reconnect reconnect_strictly
proc reconnect {args} {
    set level [lindex $args 0]
    if {![string is integer -strict $level]} { set level 0 }
    catch {
        set server [lindex $::servers end+$level]
        if {[info commands [dict get $server client]] eq ""} { lset ::servers end+$level [dict remove $server client] }
    }
    reconnect_strictly {*}$args
}

proc at_backends {args} {
    set state [list $::in_test $::give_up_at]
    set ::in_test 1
    set ::give_up_at [expr {[clock milliseconds] + 20000}]
    foreach backend $::backends {
        lassign [split $backend :] host port
        catch {
            set client [connect_to $host $port 0 0]
            foreach command $args { catch {$client {*}$command} }
            $client close
        }
    }
    lassign $state ::in_test ::give_up_at
}

# --- statements and tests ---

proc each_statement {level code place} {
    set statement ""
    foreach line [split $code "\n"] {
        append statement $line "\n"
        if {[string index $line end] eq "\\" || ![info complete $statement]} continue
        if {[catch {uplevel $level $statement} problem]} { note between-tests $place $problem }
        set statement ""
    }
}

proc tags {names code} {
    set names [string map { \" "" } $names]
    lappend ::tags {*}$names
    if {[tags_acceptable $::tags why]} { each_statement 2 $code "tags $names" }
    set ::tags [lrange $::tags 0 end-[llength $names]]
}

proc run_solo {name code} { each_statement 2 $code run_solo }

proc run_external_server_test {code settings} {
    set client [redis $::host $::port 0 $::tls]
    if {!$::singledb} { $client select 9 }
    lappend ::servers [dict create host $::host port $::port client $client config [dict create port $::port]]
    set depth [llength $::servers]
    at_backends {config set busy-reply-threshold 5000} flushall {function flush}
    set before {}
    foreach {name value} $settings {
        dict set before $name [lindex [r config get $name] 1]
        r config set $name $value
        at_backends [list config set $name $value]
    }
    each_statement 3 $code start_server
    dict for {name value} $before {
        if {$value ne "" || $name eq "save"} { at_backends [list config set $name $value] }
    }
    set server [lindex $::servers $depth-1]
    set ::servers [lrange $::servers 0 $depth-2]
    catch {[dict get $server client] close}
}

# Leaves nothing behind: no waiting client, no open transaction, no pause, no busy script.
proc clean_up_after_failure {} {
    foreach id $::connections {
        if {[info exists ::redis::fd($id)]} {
            catch {close $::redis::fd($id)}
            catch {::redis::__method__close $id none}
        }
    }
    at_backends {client unpause} {script kill} {function kill}
    catch {[srv client] close}
    for {set attempt 0} {$attempt < 12 && [catch reconnect]} {incr attempt} { after 300 }
    catch {[srv client] client unpause}
}

proc test {name code {pattern undefined} {names {}}} {
    set id "$name#[incr ::occurrences($name)]"
    set tags [concat $::tags $names]
    if {![tags_acceptable $tags why]} { return [note skip $id $why] }
    if {[flat $id] in $::without} { return [note skip $id "left out"] }
    set outer $::in_test
    set ::in_test 1
    if {!$outer} { set ::connections {} }
    set ::give_up_at [expr {[clock milliseconds] + $::test_ms}]
    set ::cur_test $name
    note start $id
    set code [catch {uplevel 1 $code} value]
    if {$code == 1} {
        set outcome [expr {[string match "assertion:*" $value] ? "fail" : "exception"}]
    } elseif {$pattern in [list undefined $value] || [string match $pattern $value]} {
        set outcome pass
        set value ""
    } else {
        set outcome fail
        set value "expected '$pattern', got '$value'"
    }
    if {$outcome ne "pass"} clean_up_after_failure
    set ::in_test $outer
    note $outcome $id $value
}

set ::curfile "tests/$unit.tcl"
set file [open $::curfile]
set body [read $file]
close $file
# Keys as applications have them, which a cluster would spread over its slots.
if {[info exists ::env(SUITE_UNTAG)]} { regsub -all {\{t\}} $body {.t} body }
each_statement 1 $body file
note unit-end ""
