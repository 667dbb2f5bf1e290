<?php
// What the checks of the libraries for PHP share: where Redis is, comparisons, and running named checks one by one.
declare(strict_types=1);

error_reporting(E_ALL & ~E_DEPRECATED);  // an old library on a new PHP
ini_set("default_socket_timeout", "30");

$address = parse_url((string) getenv("REDIS_URL"));

function key_of(string $name): string
{
    return PREFIX . $name;
}

function tagged(string $name): string
{
    return "{" . PREFIX . "}" . $name;
}

function same(mixed $actual, mixed $expected): void
{
    if ($actual !== $expected) {
        throw new Exception(json_encode($actual) . " instead of " . json_encode($expected));
    }
}

function sorted(array $values): array
{
    sort($values);
    return $values;
}

/** The text of the error that the call gives. */
function error_of(callable $call): string
{
    try {
        $reply = $call();
    } catch (Exception $error) {
        return $error->getMessage();
    }
    throw new Exception(json_encode($reply) . " instead of an error");
}

function contains(string $text, string $part): void
{
    if (!str_contains($text, $part)) {
        throw new Exception("'$text' has no '$part'");
    }
}

/** Ends the program, with 0 only if every check was right. */
function run_checks(array $checks): never
{
    $failed = 0;
    foreach ($checks as $name => $check) {
        try {
            $check();
        } catch (Throwable $error) {
            $failed += 1;
            // Not $error itself, which brings along every error that came before it.
            echo "FAILED $name: {$error->getMessage()}\n{$error->getTraceAsString()}\n";
        }
    }
    $count = count($checks);
    echo $failed ? "$failed of $count checks failed\n" : "$count checks were right\n";
    exit($failed ? 1 : 0);
}
