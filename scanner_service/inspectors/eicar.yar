/* The EICAR test file, written so that this file itself does not hold it. */
rule Eicar_Test_File
{
    strings:
        $head = "X5O!P%@AP[4\\PZX54(P^)7CC)7}$"
        $tail = "EICAR-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*"
    condition:
        for any i in (1 .. #head) : ( $tail at @head[i] + 28 )
}
