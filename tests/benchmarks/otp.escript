#!/usr/bin/env escript
%% The same on Erlang/OTP: escript otp.escript WORK COUNT prints what once takes, in seconds or bytes.
-mode(compile).
-behaviour(gen_server).
-export([init/1, handle_call/3, handle_cast/2, start_link/0, start_link/1]).

main([Work, Count]) ->
    % What crashes here crashes on purpose.
    ok = logger:set_primary_config(level, none),
    io:format("~p~n", [measure(list_to_atom(Work), list_to_integer(Count))]).

%% The server.

start_link() -> gen_server:start_link(?MODULE, [], []).
start_link(Name) -> gen_server:start_link({local, Name}, ?MODULE, [], []).

init([]) -> {ok, 0};
init({supervisor, Strategy, Children}) -> {ok, {{Strategy, 1000000000, 1}, Children}}.

handle_call(look, _, State) -> {reply, State, State};
handle_call(hold, _, State) -> {noreply, State};
handle_call(crash, _, _) -> exit(crash).

handle_cast(_, State) -> {noreply, State}.

child(Name, Arguments) ->
    {Name, {?MODULE, start_link, Arguments}, permanent, 2000, worker, [?MODULE]}.

started() -> {ok, Server} = start_link(), Server.

%% What is measured.

measure(ask, Count) ->
    Server = started(),
    each(Count, fun(Times) -> times(Times, fun() -> gen_server:call(Server, look) end) end);

measure(callers, Count) ->
    Server = started(),
    each(Count, fun(Times) ->
        Caller = fun() -> times(max(1, Times div 100), fun() -> gen_server:call(Server, look) end) end,
        at_once(lists:duplicate(min(100, Times), Caller))
    end);

measure(gathered, Count) ->
    Server = started(),
    each(Count, fun(Times) ->
        times(max(1, Times div 100), fun() -> gather(lists:duplicate(min(100, Times), Server)) end)
    end);

measure(actors, Count) ->
    Servers = [started() || _ <- lists:seq(1, min(1000, Count))],
    median([microseconds(fun() -> gather(Servers) end) / length(Servers) || _ <- lists:seq(1, 20)]) / 1.0e6;

measure(tell, Count) ->
    Server = started(),
    each(Count, fun(Times) ->
        times(Times, fun() -> gen_server:cast(Server, look) end),
        gen_server:call(Server, look)
    end);

measure(outstanding, Count) ->
    Servers = list_to_tuple([started() || _ <- lists:seq(1, 100)]),
    Caller = fun(Number) ->
        fun() -> gen_server:call(element(Number rem 100 + 1, Servers), look, 10000) end
    end,
    Callers = [Caller(Number) || Number <- lists:seq(1, Count)],
    per(Count, fun() -> at_once(Callers) end);

%% How late the last but one in a hundred is told that its time is over.
measure(expiry, Count) ->
    Server = started(),
    Caller = fun(Number) ->
        Timeout = 50 + Number * 200 div Count,
        fun() ->
            Began = erlang:monotonic_time(microsecond),
            {'EXIT', {timeout, _}} = (catch gen_server:call(Server, hold, Timeout)),
            erlang:monotonic_time(microsecond) - Began - Timeout * 1000
        end
    end,
    Late = lists:sort(at_once([Caller(Number) || Number <- lists:seq(1, Count)])),
    lists:nth(max(1, Count * 99 div 100), Late) / 1.0e6;

measure(restart, Count) -> restart_beside(0, Count);
measure(crowd, Count) -> restart_beside(1000, Count);

measure(memory, Count) ->
    Children = [child(Number, []) || Number <- lists:seq(1, Count)],
    Before = resident(),
    {ok, Supervisor} = supervisor:start_link(?MODULE, {supervisor, one_for_one, Children}),
    [gen_server:call(Pid, look) || {_, Pid, _, _} <- supervisor:which_children(Supervisor)],
    (resident() - Before) / Count;

measure(supervised, Count) ->
    % To outlive the supervisor, which is linked to us.
    process_flag(trap_exit, true),
    Children = [child(Number, []) || Number <- lists:seq(1, Count)],
    per(Count, fun() ->
        {ok, Supervisor} = supervisor:start_link(?MODULE, {supervisor, one_for_one, Children}),
        [gen_server:call(Pid, look) || {_, Pid, _, _} <- supervisor:which_children(Supervisor)],
        exit(Supervisor, shutdown),
        receive {'EXIT', Supervisor, _} -> ok end
    end);

measure(spawn, Count) ->
    {ok, Supervisor} = supervisor:start_link(?MODULE, {supervisor, one_for_one, []}),
    each(Count, fun(Times) ->
        times(Times, fun() ->
            {ok, _} = supervisor:start_child(Supervisor, child(server, [])),
            ok = supervisor:terminate_child(Supervisor, server),
            ok = supervisor:delete_child(Supervisor, server)
        end)
    end).

%% Means.

restart_beside(Others, Count) ->
    Children = [child(server, [server]) | [child(Number, []) || Number <- lists:seq(1, Others)]],
    {ok, _} = supervisor:start_link(?MODULE, {supervisor, one_for_one, Children}),
    each(Count, fun(Times) ->
        times(Times, fun() -> catch gen_server:call(server, crash), answer() end)
    end).

answer() ->
    case catch gen_server:call(server, look) of
        0 -> ok;
        _ -> erlang:yield(), answer()
    end.

gather(Servers) ->
    Requests = [gen_server:send_request(Server, look) || Server <- Servers],
    [{reply, _} = gen_server:receive_response(Request, 5000) || Request <- Requests].

at_once(Works) ->
    Self = self(),
    [spawn_link(fun() -> Self ! {done, Work()} end) || Work <- Works],
    [receive {done, Result} -> Result end || _ <- Works].

times(0, _) -> ok;
times(Count, Work) -> Work(), times(Count - 1, Work).

%% The seconds that each takes, where all of the work takes a tenth of a second or more.
per(Count, Work) ->
    Began = processor_time(),
    Work(),
    (processor_time() - Began) / Count / 1.0e9.

%% The same by the clock, of pieces so small that hardly one of them is interrupted by others.
each(Count, Work) ->
    Times = max(1, Count div 50),
    median([microseconds(fun() -> Work(Times) end) / Times || _ <- lists:seq(1, max(1, Count div Times))]) / 1.0e6.

microseconds(Work) ->
    Began = erlang:monotonic_time(nanosecond),
    Work(),
    (erlang:monotonic_time(nanosecond) - Began) / 1.0e3.

median(Samples) -> lists:nth(length(Samples) div 2 + 1, lists:sort(Samples)).

%% Nanoseconds for which the threads of this node have run; the system counts them in ticks of some milliseconds.
processor_time() ->
    lists:sum([
        begin
            {ok, Text} = file:read_file(File),
            list_to_integer(hd(string:lexemes(binary_to_list(Text), " ")))
        end
     || File <- filelib:wildcard("/proc/self/task/*/schedstat")
    ]).

resident() ->
    {ok, Text} = file:read_file("/proc/self/statm"),
    [_, Pages | _] = string:lexemes(binary_to_list(Text), " "),
    list_to_integer(Pages) * 4096.
